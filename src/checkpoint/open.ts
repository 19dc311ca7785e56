/**
 * Opens checkpoints of every supported kind. The kind is detected from the content, never from the file's name.
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

/** Options of openCheckpoint. */
export interface OpenOptions extends LocateOptions {
  /**
   * The state dict to take if the file holds several. Either the key that leads to it ("state_dict_ema"), keys joined
   * by dots if it is nested ("state.model"), or the key of the dict around it.
   */
  readonly key?: string;
}

/** The kinds of checkpoints. */
export type CheckpointFormat = "safetensors" | "sharded" | "torch zip" | "torch legacy";

/** The config.json of a repository on the Hugging Face hub. */
export interface CheckpointConfig {
  /** Its hub reference, for messages: "hf:timm/resnet18.a1_in1k/config.json". */
  readonly name: string;
  /** Its content, not checked. */
  readonly text: string;
}

/** An open checkpoint. */
export interface Checkpoint {
  /** The name for messages and metadata: a file name without folders, a hub reference, or a URL without secrets. */
  readonly name: string;
  /** The kind of the checkpoint. */
  readonly format: CheckpointFormat;
  /**
   * The most likely state dict, with "module." and other wrappers' prefixes removed from the names. Tensors are read on
   * demand, until the checkpoint is closed. Tensors that do not belong to the network (a loss's weights) and prefixes
   * are still in it: findNetwork sorts them out.
   */
  readonly tensors: StateDict;
  /** All state dicts in the file, with the names used in the file. The most likely one comes first. */
  readonly stateDicts: readonly FoundStateDict[];
  /** The file's metadata strings. For safetensors: all of them. For PyTorch's formats: only `inference_config`. */
  readonly metadata: Record<string, string>;
  /** Keys of the other state dicts in the file. The option `key` accepts them. */
  readonly others: readonly string[];
  /**
   * Reads the config.json next to the checkpoint on the hub. Returns undefined if there is none, or if the file is not
   * on the hub.
   */
  config(): Promise<CheckpointConfig | undefined>;
  /**
   * Returns the SHA-256 of the file in hexadecimal. Of a sharded checkpoint, it hashes the index and then the shards.
   */
  sha256(): Promise<string>;
  /** Closes the files and removes temporary downloads. */
  close(): void;
}

/**
 * Opens a checkpoint. Tensors are read later, on demand.
 *
 * @param source A path, an http(s) URL, "hf:OWNER/REPO[@REVISION][/FILE]", or bytes
 * @throws {CheckpointError} if the source is damaged or is not a checkpoint
 *
 * @example
 * ```ts
 * import { openCheckpoint, toFloat32 } from "@odconv/odconv";
 *
 * const checkpoint = await openCheckpoint("tests/fixtures/checkpoint/resnet18.pth");
 * for (const [name, tensor] of checkpoint.tensors) console.log(name, tensor.dtype, tensor.shape);
 * const [first] = checkpoint.tensors.values();
 * console.log(await toFloat32(first));
 * checkpoint.close();
 * ```
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
      // `opened` has the order of the index, so the hash does not depend on the file system.
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
  // Each byte becomes the character with the same code.
  const start = String.fromCharCode(...await source.read(0, Math.min(512, source.size)));
  const torch = TORCH_FORMATS.find(({ magic }) => magic.test(start));
  if (!torch) throw refuse(source, start);
  const value = await torch.read(source);
  const stateDicts = findStateDicts(source.name, value, key);
  return { format: torch.format, stateDicts, metadata: metadataOf(value) };
}

/** The inference config that `export` wrote into the checkpoint. */
function metadataOf(value: PickleValue): Record<string, string> {
  const inference = value instanceof Map ? value.get(INFERENCE_KEY) : undefined;
  return typeof inference === "string" ? { [INFERENCE_KEY]: inference } : {};
}

/** The result for a file that is itself the state dict. */
function bare(tensors: StateDict): FoundStateDict[] {
  return [{ key: "", tensors, rest: [] }];
}

const TORCH_FORMATS = [
  { format: "torch zip", magic: /^PK[^ -~]{2}/, read: readTorchZip },
  { format: "torch legacy", magic: LEGACY_MAGIC, read: readTorchLegacy },
] as const;
