/**
 * Plugins for the features of Deno's modules that esbuild does not support: `npm:` specifiers, and compiled WebAssembly
 * as a source-phase import.
 *
 * @module
 */

// Only this folder names the bundler.
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
 * Supports `import source NAME from "x.wasm"`, which few browsers do. It becomes an import of a module that fetches the
 * file from the bundle's folder and compiles it during the download.
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
      // Resolved twice: first to the module that compiles it, then from there to the file.
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
