/**
 * What esbuild does not know of Deno's modules: `npm:` specifiers, and compiled WebAssembly as a source-phase import.
 *
 * @module
 */

// The bundler is named in this folder only.
// deno-lint-ignore-file no-import-prefix
import type { OnResolveArgs, Plugin } from "npm:esbuild@0.28.2";

/** Resolves "npm:NAME@VERSION/PATH" in `folder`/node_modules. */
export function npmSpecifiers(folder: string): Plugin {
  return {
    name: "npm specifiers",
    setup(build) {
      build.onResolve({ filter: /^npm:/ }, ({ path, kind }) => {
        const [, name, rest = ""] = /^npm:\/?((?:@[^/]+\/)?[^@/]+)(?:@[^/]+)?(\/.*)?$/.exec(path) ?? [];
        return build.resolve(name + rest, { kind, resolveDir: folder });
      });
    },
  };
}

const SOURCE_IMPORT = /^import source (\w+) from ("[^"]+");$/gm;

/**
 * `import source NAME from "x.wasm"`, which few browsers know, becomes an import of a module that fetches the file from
 * beside the bundle and compiles it while it arrives.
 */
export const wasmSources: Plugin = {
  name: "wasm sources",
  setup(build) {
    build.onLoad({ filter: /\/src\/.*\.js$/ }, async ({ path }) => {
      const source = await Deno.readTextFile(path);
      return { contents: source.replace(SOURCE_IMPORT, "import $1 from $2;"), loader: "js" };
    });
    build.onResolve({ filter: /\.wasm$/ }, async (args) => {
      if (args.pluginData === PLAIN) return undefined;
      const { path, errors } = await build.resolve(args.path, plainly(args));
      // Resolved twice: to the module that compiles it, and from there to the file itself.
      return args.namespace === COMPILED ? { path, errors } : { path, errors, namespace: COMPILED };
    });
    build.onLoad({ filter: /.*/, namespace: COMPILED }, ({ path }) => ({
      contents: `import file from ${JSON.stringify(path)};
export default await WebAssembly.compileStreaming(fetch(new URL(file, import.meta.url)));`,
      loader: "js",
      resolveDir: "/",
    }));
  },
};

const COMPILED = "compiled wasm";
const PLAIN = Symbol("not to be resolved by this plugin again");

function plainly({ kind, resolveDir, importer }: OnResolveArgs) {
  return { kind, resolveDir, importer, pluginData: PLAIN };
}
