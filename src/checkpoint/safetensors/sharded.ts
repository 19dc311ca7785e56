/**
 * Checkpoints in several files: `*.index.json` maps the name of every tensor to the file that contains it.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { duplicateKey } from "./json_keys.ts";
import type { ByteSource, StateDict } from "../tensors/state_dict.ts";

/** The longest index that is read. */
const MAX_INDEX = 16 * 1024 * 1024;

/** Returns whether the bytes look like an index: a JSON object. */
export async function isIndex(source: ByteSource): Promise<boolean> {
  const start = await source.read(0, Math.min(64, source.size));
  return source.size <= MAX_INDEX && /^\s*\{\s*"/.test(new TextDecoder().decode(start));
}

/**
 * Returns the file name of each tensor by the tensor's name. Throws CheckpointError, also for a file name that leads
 * out of the folder.
 */
export async function readIndex(source: ByteSource): Promise<Map<string, string>> {
  const fail = (why: string) => new CheckpointError(`${source.name}: not an index of a sharded checkpoint: ${why}`);
  const text = new TextDecoder().decode(await source.read(0, source.size));
  let index: { weight_map?: unknown };
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw fail(`it is not JSON (${(error as Error).message})`);
  }
  const map = index?.weight_map;
  if (typeof map !== "object" || map === null || duplicateKey(text) !== undefined) throw fail("it has no weight_map");
  const files = Object.entries(map);
  for (const [name, file] of files) {
    if (typeof file !== "string" || !/^\w[\w.+-]{0,200}$/.test(file)) {
      throw fail(`${excerpt(name)} is said to lie in ${excerpt(file)}, which is not a file's plain name`);
    }
  }
  if (!files.length) throw fail("its weight_map is empty");
  return new Map(files);
}

/**
 * Returns the tensors of all shards, in the order of the index. Throws CheckpointError if index and shards disagree.
 */
export function joinShards(
  source: string,
  index: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, StateDict>,
): StateDict {
  const tensors: StateDict = new Map();
  for (const [name, file] of index) {
    const tensor = shards.get(file)?.get(name);
    if (!tensor) throw new CheckpointError(`${source}: ${name} should lie in ${file}, which does not have it`);
    tensors.set(name, tensor);
  }
  for (const [file, shard] of shards) {
    const stray = shard.keys().find((name) => index.get(name) !== file);
    if (stray !== undefined) {
      throw new CheckpointError(`${source}: ${file} holds ${stray}, which the index does not say`);
    }
  }
  return tensors;
}
