/**
 * Where Deno keeps the npm packages that a module uses, as a `node_modules` folder that a bundler can resolve in.
 *
 * @module
 */

import { dirname } from "node:path";

/** The part of `deno info --json` that is used here. */
interface Info {
  readonly npmPackages: Readonly<Record<string, { name: string; version: string; localPath: string }>>;
}

/**
 * Links every npm package in the module graph of `entries` into `folder`/node_modules, downloading what is missing.
 * Throws where two versions of one package are in the graph: a flat folder holds one of them.
 */
export async function linkNpmPackages(entries: readonly string[], folder: string): Promise<void> {
  const linked = new Map<string, string>();
  for (const entry of entries) {
    for (const { name, version, localPath } of Object.values((await inspect(entry)).npmPackages)) {
      const other = linked.get(name);
      if (other === version) continue;
      if (other) throw new Error(`${name} is in the module graph as ${other} and as ${version}`);
      const link = `${folder}/node_modules/${name}`;
      await Deno.mkdir(dirname(link), { recursive: true });
      await Deno.symlink(localPath, link, { type: "dir" });
      linked.set(name, version);
    }
  }
}

async function inspect(entry: string): Promise<Info> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json", entry], stdout: "piped" });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`deno info ${entry} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
