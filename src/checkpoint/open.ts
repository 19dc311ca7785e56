/**
 * Opens checkpoints of every kind that is read here. The kind is told by the content, never by the file's name.
 *
 * @module
 */

import { findStateDicts, type FoundStateDict, unwrapped } from "./remapping/find_state_dict.ts";
import { checkName, refuse } from "./source/foreign_file.ts";
import { INFERENCE_KEY } from "./tensors/inference_key.ts";
import { locate, type Located, located, type LocateOptions } from "./locate.ts";
import type { PickleValue } from "./pickle/value.ts";
import { isSafetensors, readSafetensors } from "./safetensors/safetensors.ts";
import { sha256 } from "./source/sha256.ts";
import { isIndex, joinShards, readIndex } from "./safetensors/sharded.ts";
import type { ByteSource, StateDict } from "./tensors/state_dict.ts";
import { LEGACY_MAGIC, readTorchLegacy } from "./torch/legacy.ts";
import { readTorchZip } from "./torch/torch_zip.ts";

/** How openCheckpoint works. */
export interface OpenOptions extends LocateOptions {
  /**
   * The state dict to take where the file holds several: the key that leads to it ("state_dict_ema"), keys joined by dots
   * where it is deeper ("state.model"), or the key of what holds it.
   */
  readonly key?: string;
}

/** The kinds of checkpoints. */
export type CheckpointFormat = "safetensors" | "sharded" | "torch zip" | "torch legacy";

/** The config.json of a repository on the hub. */
export interface CheckpointConfig {
  /** Its reference, for messages: "hf:timm/resnet18.a1_in1k/config.json". */
  readonly name: string;
  /** What it holds; not checked. */
  readonly text: string;
}

/** An open checkpoint. */
export interface Checkpoint {
  /** For people and metadata: a file's name without its folders, a hub reference, a URL without secrets. */
  readonly name: string;
  /** Its kind. */
  readonly format: CheckpointFormat;
  /**
   * Its likeliest state dict, without "module." and what other wrappers put into names; tensors are read when they are
   * asked for, until it is closed. What is not the network's (a loss's weights, a prefix) is still there: findNetwork
   * tells it apart.
   */
  readonly tensors: StateDict;
  /** All state dicts in the file under the names that they have there, the likeliest first. */
  readonly stateDicts: readonly FoundStateDict[];
  /** The strings that a file says of itself: of safetensors all, of PyTorch's formats `inference_config` alone. */
  readonly metadata: Record<string, string>;
  /** Keys of other state dicts in the file, which the option `key` would take. */
  readonly others: readonly string[];
  /** The text of the config.json beside it on the hub; undefined where there is none, or the file is not on the hub. */
  config(): Promise<CheckpointConfig | undefined>;
  /** SHA-256 of the file, hexadecimal; of a sharded one, of its index and shards one after the other. */
  sha256(): Promise<string>;
  /** Lets go of files and removes what was downloaded for this use only. */
  close(): void;
}

/**
 * Opens a path, an http(s) URL, "hf:OWNER/REPO[@REVISION][/FILE]" or bytes at hand. Throws CheckpointError where it is
 * not a checkpoint or damaged.
 */
export async function openCheckpoint(source: string | ByteSource, options: OpenOptions = {}): Promise<Checkpoint> {
  const opened: ByteSource[] = [];
  const close = () => {
    for (const { close } of opened.splice(0)) close?.();
  };
  try {
    const place = typeof source === "string" ? await locate(source, options) : located(source);
    opened.push(place.source);
    const contents = await readIndexed(place, opened, options) ?? await readOne(place.source, options.key);
    const { stateDicts: [first, ...others] } = contents;
    return {
      ...contents,
      name: place.name,
      tensors: unwrapped(first.tensors),
      others: others.map(({ key }) => key),
      config: () => readConfig(place),
      // The order of `opened` is that of the index, so that the hash does not depend on the file system.
      sha256: () => sha256(opened),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

type Contents = Pick<Checkpoint, "format" | "stateDicts" | "metadata">;

async function readConfig(place: Located): Promise<CheckpointConfig | undefined> {
  const config = await place.config?.();
  if (!config) return undefined;
  const { name, source } = config;
  try {
    return { name, text: new TextDecoder().decode(await source.read(0, source.size)) };
  } finally {
    source.close?.();
  }
}

async function readIndexed(place: Located, opened: ByteSource[], options: OpenOptions): Promise<Contents | undefined> {
  if (await isSafetensors(place.source) || !await isIndex(place.source)) return undefined;
  const index = await readIndex(place.source);
  const shards = new Map<string, StateDict>();
  for (const file of new Set(index.values())) {
    const shard = await place.sibling(file);
    opened.push(shard.source);
    shards.set(file, (await readOne(shard.source, options.key)).stateDicts[0].tensors);
  }
  return { format: "sharded", stateDicts: bare(joinShards(place.name, index, shards)), metadata: {} };
}

async function readOne(source: ByteSource, key?: string): Promise<Contents> {
  if (await isSafetensors(source)) {
    const { tensors, metadata } = await readSafetensors(source);
    return { format: "safetensors", stateDicts: bare(tensors), metadata };
  }
  checkName(source);
  // Bytes as the characters of the same numbers.
  const start = String.fromCharCode(...await source.read(0, Math.min(512, source.size)));
  const torch = TORCH_FORMATS.find(({ magic }) => magic.test(start));
  if (!torch) throw refuse(source, start);
  const value = await torch.read(source);
  const stateDicts = findStateDicts(source.name, value, key);
  return { format: torch.format, stateDicts, metadata: metadataOf(value) };
}

/** What a checkpoint that `export` wrote says of how its model is used. */
function metadataOf(value: PickleValue): Record<string, string> {
  const inference = value instanceof Map ? value.get(INFERENCE_KEY) : undefined;
  return typeof inference === "string" ? { [INFERENCE_KEY]: inference } : {};
}

/** Where a file is the state dict. */
function bare(tensors: StateDict): FoundStateDict[] {
  return [{ key: "", tensors, rest: [] }];
}

const TORCH_FORMATS = [
  { format: "torch zip", magic: /^PK[^ -~]{2}/, read: readTorchZip },
  { format: "torch legacy", magic: LEGACY_MAGIC, read: readTorchLegacy },
] as const;
