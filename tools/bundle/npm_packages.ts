/**
 * Builds a `node_modules` folder from the npm packages that a module uses and Deno has cached, so that a bundler can
 * resolve them.
 *
 * @module
 */

import { dirname } from "node:path";

/** The part of `deno info --json` that this module uses. */
interface Info {
  readonly npmPackages: Readonly<Record<string, { name: string; version: string; localPath: string }>>;
}

/**
 * Links every npm package in the module graph of `entries` into `folder`/node_modules. Downloads missing packages.
 * Throws if the graph contains two versions of one package, because a flat folder holds only one.
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
