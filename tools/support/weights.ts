/**
 * Resolves `--weights NAME|FILE` to a file.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { CheckpointError } from "../../src/errors.ts";
import { findArchitecture } from "../../src/models/architectures/registry.ts";
import { whyMissing } from "../../src/unreadable_name.ts";
import { UsageError } from "./command.ts";
import { parseModelName, publishedNames } from "./model_name.ts";

const EXTENSION = ".safetensors";

/**
 * Folders in which names are searched: weights/ in the current folder, then weights/ in this project if it is not at a
 * URL.
 */
function weightFolders(): string[] {
  const project = new URL("../../weights/", import.meta.url);
  return ["weights/", ...(project.protocol === "file:" ? [fileURLToPath(project)] : [])];
}

/**
 * Returns the file that `--weights` names: the file itself, or weights/NAME.safetensors, or the only file
 * weights/NAME_*.safetensors. Throws UsageError if nothing is named. Throws CheckpointError if there is no such file or
 * if several match.
 */
export async function findWeights(spec: string | undefined, folders = weightFolders()): Promise<string> {
  if (!spec) throw new UsageError("--weights is needed: a name in weights/ or a file");
  if (/^(hf:|https?:)/.test(spec)) {
    throw new UsageError(
      `${spec} is not a file here; convert it first: deno task convert ${spec} --out FILE.safetensors`,
    );
  }
  if (await isFile(spec)) return spec;
  if (/[\\/]|\.(safetensors|json|pth|pt|tar|bin)$/.test(spec)) {
    throw new CheckpointError(`${spec}: there is no such file${whyMissing(spec)}`, {
      cause: new Deno.errors.NotFound(spec),
    });
  }
  const present: string[] = [];
  for (const folder of folders) {
    const names = await safetensorsIn(folder);
    if (names.includes(spec)) return `${folder}${spec}${EXTENSION}`;
    const variants = names.filter((name) => name.startsWith(`${spec}_`));
    if (variants.length === 1) return `${folder}${variants[0]}${EXTENSION}`;
    if (variants.length > 1) {
      throw new CheckpointError(`${spec} could be any of ${variants.join(", ")} in ${folder}; name one of them`);
    }
    present.push(...names);
  }
  const model = parseModelName(spec);
  const next = model && findArchitecture(model.arch).published.length
    ? `"deno task convert ${spec}" says where published weights are`
    : `there are published weights of ${publishedNames()}`;
  throw new CheckpointError(
    `no weights are called ${spec} or ${spec}_*; weights/ has ${
      [...new Set(present)].join(", ") || "nothing"
    }; ${next}`,
  );
}

/** Returns whether a file exists. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Returns sorted names without their extension; none if the folder does not exist. */
async function safetensorsIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(EXTENSION)) names.push(name.slice(0, -EXTENSION.length));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
