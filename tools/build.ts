/**
 * `deno task build`: builds the module and the page for browsers, as static files.
 *
 * @module
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle, type BundledFile } from "./bundle/bundle.ts";
import { writeDeclarations } from "./bundle/declarations.ts";
import { partSizes } from "./bundle/sizes.ts";
import { type Command, execute, UsageError } from "./support/command.ts";
import { bytes } from "./support/style.ts";

const HELP = `
Builds what browsers need, as static files that any server can offer:

  OUT/odconv/mod.js     the module, with its types beside it (mod.d.ts); its chunks are loaded when they are needed
  OUT/index.html        the page, with the shipped weights

Usage: deno task build [options]

Options
  --out DIR           where to write; dist if left out. What is there is replaced
  --verbose           show the stack of an error
  -h, --help          show this

Example
  deno task build && npx serve dist
`;

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Files of the page that are copied unchanged. */
const STATIC = ["web/index.html", "web/page.css", "web/icon.svg"];

/** Folders whose files the page offers: [from, to, pattern of the file names]. */
const OFFERED = [["weights", "weights", /\.safetensors$/], ["web/examples", "examples", /\.png$/]] as const;

/** The command line, for its tests too. */
export const command: Command<"out"> = {
  name: "deno task build",
  help: HELP,
  string: ["out"],
  async run(args) {
    const out = args.out ?? "dist";
    const files = await buildPage(out);
    console.log("The module, and compressed with gzip:");
    for (const part of partSizes(files, `${out}/odconv`)) {
      console.log(`  ${bytes(part.bytes).padStart(8)} ${bytes(part.compressed).padStart(8)}  ${part.when}`);
    }
  },
};

/** Builds everything, then replaces `out` with the result; returns the module's files. */
export async function buildPage(out: string): Promise<BundledFile[]> {
  await checkReplaceable(out);
  const part = `${resolve(out)}.part`;
  await removeFolder(part);
  try {
    const files = await build(part);
    await removeFolder(out);
    await Deno.rename(part, out);
    return files;
  } finally {
    await removeFolder(part);
  }
}

async function build(out: string): Promise<BundledFile[]> {
  const module = `${out}/odconv`;
  const files = await bundle({ entries: { mod: `${ROOT}mod.ts` }, out: module, withoutDeno: true });
  await writeDeclarations(`${ROOT}mod.ts`, ROOT, `${module}/`);
  await bundle({
    entries: { page: `${ROOT}web/page.ts` },
    out,
    withoutDeno: true,
    plugins: [{
      name: "the module as a program sees it",
      setup: ({ onResolve }) =>
        onResolve({ filter: /\/mod\.ts$/ }, () => ({ path: "./odconv/mod.js", external: true })),
    }],
  });
  for (const path of STATIC) await Deno.copyFile(`${ROOT}${path}`, `${out}/${path.replace("web/", "")}`);
  for (const [from, to, which] of OFFERED) {
    await Deno.mkdir(`${out}/${to}`, { recursive: true });
    for await (const { name } of Deno.readDir(`${ROOT}${from}`)) {
      if (which.test(name)) await Deno.copyFile(`${ROOT}${from}/${name}`, `${out}/${to}/${name}`);
    }
  }
  return files;
}

/** Throws UsageError if the folder contains something other than an earlier build. */
async function checkReplaceable(out: string): Promise<void> {
  try {
    const names = (await Array.fromAsync(Deno.readDir(out))).map(({ name }) => name);
    if (names.length && !names.includes("odconv")) {
      throw new UsageError(`${out} holds something else than an earlier build (${names[0]}, ...); name another folder`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function removeFolder(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
