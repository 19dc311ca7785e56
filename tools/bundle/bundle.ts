/**
 * Bundles modules of this project for browsers with esbuild, which supports code splitting, source-phase imports and
 * plugins. `deno bundle` refuses source-phase imports and takes no plugins.
 *
 * @module
 */

// Only this folder names the bundler.
// deno-lint-ignore-file no-import-prefix
import { basename } from "node:path";
import { build, type BuildOptions, type Metafile, type Plugin, stop } from "npm:esbuild@0.28.2";
import { linkNpmPackages } from "./npm_packages.ts";
import { npmSpecifiers, wasmSources } from "./plugins.ts";

/** Options of {@link bundle}. */
export interface Bundle {
  /** Absolute paths of the modules that become files, by file name without ".js". */
  readonly entries: Readonly<Record<string, string>>;
  /** The folder to write to. */
  readonly out: string;
  /** Whether to leave out code that only Deno needs: true for pages, false for tests that bring their own Deno. */
  readonly withoutDeno: boolean;
  /** Further plugins. They run first. */
  readonly plugins?: readonly Plugin[];
  /** false keeps names and lines readable. */
  readonly minify?: boolean;
}

/** A file of a bundle. */
export interface BundledFile {
  /** Its name in the folder. */
  readonly name: string;
  /** Its size. */
  readonly bytes: number;
  /** Files that are loaded together with it, itself included. */
  readonly loadedWith: readonly string[];
  /** The modules that it contains. */
  readonly modules: readonly string[];
}

/** Bundles modules; returns the files. Throws if an import does not resolve. */
export async function bundle(options: Bundle): Promise<BundledFile[]> {
  const { entries, out, withoutDeno, plugins = [], minify = true } = options;
  const packages = await Deno.makeTempDir({ prefix: "odconv_bundle_" });
  try {
    await linkNpmPackages(Object.values(entries), packages);
    const settings: BuildOptions = {
      entryPoints: { ...entries },
      outdir: out,
      chunkNames: "chunks/[name]-[hash]",
      assetNames: "wasm/[name]-[hash]",
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "browser",
      target: "es2024",
      minify,
      // A network prints the class names of its layers.
      keepNames: true,
      // Licences stay with their code.
      legalComments: "linked",
      define: withoutDeno ? { Deno: "undefined" } : {},
      loader: { ".wasm": "file" },
      nodePaths: [`${packages}/node_modules`],
      preserveSymlinks: true,
      external: ["node:*"],
      plugins: [...plugins, npmSpecifiers(packages), wasmSources],
      metafile: true,
      logLevel: "silent",
    };
    const { metafile } = await build(settings);
    return describe(metafile!, out);
  } finally {
    await stop();
    await Deno.remove(packages, { recursive: true });
  }
}

function describe({ outputs }: Metafile, out: string): BundledFile[] {
  const folder = basename(out);
  const nameOf = (path: string) => path.slice(path.lastIndexOf(`${folder}/`) + folder.length + 1);
  const loadedWith = (path: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(path) || !outputs[path]) return seen;
    seen.add(path);
    outputs[path].imports.filter(({ kind }) => kind === "import-statement").forEach((i) => loadedWith(i.path, seen));
    return seen;
  };
  return Object.entries(outputs).map(([path, { bytes, inputs }]) => ({
    name: nameOf(path),
    bytes,
    loadedWith: [...loadedWith(path)].map(nameOf),
    modules: Object.keys(inputs),
  }));
}
