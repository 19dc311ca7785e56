/**
 * Writes type declarations for the bundled module.
 *
 * @module
 */

// Only this folder names the compiler.
// deno-lint-ignore-file no-import-prefix
import { dirname } from "node:path";
import ts from "npm:typescript@5.9.3";

/**
 * noCheck: `deno check` has checked the sources. No exported type contains a type that only Deno knows (Deno, npm
 * packages).
 */
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

/** Relative module specifiers in a declaration. */
const SPECIFIERS = /(\bfrom |\bimport\()"(\.[^"]*)\.ts"/g;

/**
 * Writes the declarations of `entry` and of all modules that they name, from below `root` to the same paths below
 * `out`. Both end in a slash. The specifiers name the JavaScript files beside them, which every TypeScript version
 * understands.
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
