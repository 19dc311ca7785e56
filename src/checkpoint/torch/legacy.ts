/**
 * Reads what torch.save wrote before PyTorch 1.6. First come five pickles: a magic number, the protocol, the machine's
 * byte order, the object, the keys of the storages. Then, for each key, its number of elements and the elements follow.
 * Format: torch/serialization.py, `_legacy_save`.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { readPickle } from "../pickle/pickle.ts";
import { PickleEnd } from "../pickle/machine.ts";
import type { PickleValue } from "../pickle/value.ts";
import { type ByteSource, type DType, DTYPE_BYTES } from "../tensors/state_dict.ts";
import { isSize, storageId, TORCH_GLOBALS } from "./globals.ts";
import type { Storage } from "./strided_tensor.ts";
import { MAX_PICKLE } from "./torch_zip.ts";
import { modelsAsStateDicts } from "./whole_model.ts";

/**
 * The first pickle, one character per byte. It is 0x1950a86a20f9469cfc6c as protocols 2 to 5 write it (from 4 on with
 * the length of a frame), or as protocol 1 does.
 */
export const LEGACY_MAGIC: RegExp =
  // deno-lint-ignore no-control-regex
  /^(?:\x80[\x02-\x05](?:\x95[^]{8})?\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19|L119547037146038801333356L\n)\./;
const PROTOCOL = 1001;
/** Pickles do not store their length. First this many bytes are read, then twice as many each time that is too few. */
const FIRST_WINDOW = 1 << 16;

/** Like readTorchZip, for the older format. */
export async function readTorchLegacy(source: ByteSource): Promise<PickleValue> {
  const storages = new Map<string, LegacyStorage>();
  const pickles = new PickleReader(source, (id) => {
    // In a file of a whole model: a module with its class and the class's source text.
    if (Array.isArray(id) && id[0] === "module") return id[1];
    const { dtype, key, length, view } = storageId(source.name, id);
    let storage = storages.get(key);
    if (!storage) storages.set(key, storage = new LegacyStorage(source, key, dtype, length));
    if (storage.dtype !== dtype) throw new CheckpointError(`${storage.name}: used as ${storage.dtype} and as ${dtype}`);
    return view === null ? storage : viewStorage(storage, view);
  });
  await pickles.next();
  const protocol = await pickles.next();
  if (protocol !== PROTOCOL) {
    throw new CheckpointError(`${source.name}: protocol ${excerpt(protocol)}, ${PROTOCOL} expected`);
  }
  const system = await pickles.next();
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    throw new CheckpointError(`${source.name}: its numbers are not little-endian; only little-endian files are read`);
  }
  const value = await pickles.next();
  await locate(source, await pickles.next(), storages, pickles.at);
  return modelsAsStateDicts(source.name, value);
}

class PickleReader {
  /** Start of the next pickle. */
  at = 0;
  constructor(readonly source: ByteSource, readonly persistent: (id: PickleValue) => PickleValue) {}

  async next(): Promise<PickleValue> {
    const rest = this.source.size - this.at;
    for (let window = Math.min(FIRST_WINDOW, rest);; window = Math.min(2 * window, rest)) {
      try {
        const context = { source: this.source.name, globals: TORCH_GLOBALS, persistent: this.persistent };
        const { value, length } = readPickle(await this.source.read(this.at, window), context);
        this.at += length;
        return value;
      } catch (error) {
        if (!(error instanceof PickleEnd) || window === rest) throw error;
        if (window >= MAX_PICKLE) {
          throw new CheckpointError(`${this.source.name}: a pickle in it is longer than ${MAX_PICKLE} bytes`);
        }
      }
    }
  }
}

/** A storage whose position is known only after the pickle that uses it. */
class LegacyStorage implements Storage {
  readonly name: string;
  /** Offset of its elements, -1 until it is known. */
  start = -1;
  constructor(readonly source: ByteSource, readonly key: string, readonly dtype: DType, readonly length: number) {
    this.name = `${source.name}, storage ${excerpt(key).slice(1, -1)}`;
  }
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.source.read(this.start + offset, length);
  }
}

/** Finds the storages after the pickles. Reads only their lengths. */
async function locate(
  source: ByteSource,
  keys: PickleValue,
  storages: ReadonlyMap<string, LegacyStorage>,
  at: number,
): Promise<void> {
  if (!Array.isArray(keys)) throw new CheckpointError(`${source.name}: damaged: its list of storages is missing`);
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage || storage.start >= 0) {
      throw new CheckpointError(`${source.name}: damaged: its list of storages names ${excerpt(key)}`);
    }
    const header = await source.read(at, 8);
    const length = Number(new DataView(header.buffer, header.byteOffset).getBigInt64(0, true));
    if (length !== storage.length) {
      throw new CheckpointError(`${storage.name}: damaged: ${storage.length} elements expected, it claims ${length}`);
    }
    storage.start = at + 8;
    at = storage.start + length * DTYPE_BYTES[storage.dtype];
    if (at > source.size) {
      throw new CheckpointError(`${storage.name}: truncated: it ends at byte ${at}, the file has ${source.size}`);
    }
  }
  const lost = storages.values().find(({ start }) => start < 0);
  if (lost) throw new CheckpointError(`${lost.name}: missing from the file`);
}

/** PyTorch 0.x: a storage that is a part of another one, [key, offset, length] in elements. */
function viewStorage(base: LegacyStorage, view: PickleValue): Storage {
  const [key, offset, length] = Array.isArray(view) ? view : [];
  if (!isSize(offset) || !isSize(length) || offset + length > base.length) {
    throw new CheckpointError(`${base.name}: damaged: its part ${excerpt(key)} lies outside of it`);
  }
  const { name, dtype } = base;
  return {
    name,
    dtype,
    length,
    read: (from, bytes) => base.read(offset * DTYPE_BYTES[dtype] + from, bytes),
  };
}
