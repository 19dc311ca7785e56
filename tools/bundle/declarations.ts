/**
 * Type declarations for the bundled module.
 *
 * @module
 */

// The compiler is named in this folder only.
// deno-lint-ignore-file no-import-prefix
import { dirname } from "node:path";
import ts from "npm:typescript@5.9.3";

/** `deno check` has checked the sources already; what it alone knows (Deno, npm packages) is in no exported type. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
  types: [],
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  strict: true,
  noCheck: true,
  declaration: true,
  emitDeclarationOnly: true,
};

/** Relative specifiers of modules in a declaration. */
const SPECIFIERS = /(\bfrom |\bimport\()"(\.[^"]*)\.ts"/g;

/**
 * Writes declarations of `entry` and of all that they name, from below `root` to the same paths below `out` (both end in
 * a slash). They name each other as the JavaScript files they would lie beside, which every TypeScript understands.
 */
export async function writeDeclarations(entry: string, root: string, out: string): Promise<void> {
  const declarations = new Map<string, string>();
  ts.createProgram([entry], OPTIONS).emit(undefined, (path, text) => declarations.set(path, text));
  const needed = new Set([entry.replace(/\.ts$/, ".d.ts")]);
  for (const path of needed) {
    const declaration = declarations.get(path);
    if (declaration === undefined) throw new Error(`${path} was not emitted`);
    const text = declaration.replace(SPECIFIERS, (_, keyword, specifier) => {
      needed.add(new URL(`${specifier}.d.ts`, `file://${path}`).pathname);
      return `${keyword}"${specifier}.js"`;
    });
    const target = out + path.slice(root.length);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeTextFile(target, text);
  }
}
