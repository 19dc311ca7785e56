/**
 * Reads what torch.save writes since PyTorch 1.6: a zip archive of one pickle (NAME/data.pkl) and one file of raw
 * elements for each storage (NAME/data/KEY). Format: torch/serialization.py, `_save`.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { readPickle } from "../pickle/pickle.ts";
import type { PickleValue } from "../pickle/value.ts";
import { type ByteSource, DTYPE_BYTES } from "../tensors/state_dict.ts";
import { storageId, TORCH_GLOBALS } from "./globals.ts";
import type { Storage } from "./strided_tensor.ts";
import { modelsAsStateDicts } from "./whole_model.ts";
import { checkStored, readZip, zipDataOffset, type ZipEntry } from "./zip.ts";

/**
 * The longest pickle that is read, in bytes. It is in memory as a whole, and a text in it may be as long. A pickle of a
 * thousand tensors has 0.2 MB. A training script's logs next to them may have tens of MB.
 */
export const MAX_PICKLE: number = 256 * 1024 * 1024;

/**
 * Reads the pickle. The result consists of nested Maps, arrays, plain values and Opaque objects; its leaves are
 * TorchTensors, whose elements are read on demand. Models are replaced by their state dicts. Throws CheckpointError.
 */
export async function readTorchZip(source: ByteSource): Promise<PickleValue> {
  const entries = await readZip(source);
  const pickle = [...entries.values()].find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (!pickle) throw new CheckpointError(`${source.name}: ${archiveKind([...entries.keys()])}`);
  const root = pickle.name.slice(0, -"data.pkl".length);
  if (entries.has(`${root}constants.pkl`)) {
    throw new CheckpointError(
      `${source.name}: a TorchScript program, not a checkpoint. In PyTorch: ` +
        `torch.save(torch.jit.load(${JSON.stringify(baseName(source.name))}).state_dict(), "state_dict.pth")`,
    );
  }
  await checkByteOrder(source, entries.get(`${root}byteorder`));
  if (pickle.size > MAX_PICKLE) {
    throw new CheckpointError(`${source.name}: its data.pkl has ${pickle.size} bytes, at most ${MAX_PICKLE} are read`);
  }
  const bytes = await source.read(await zipDataOffset(source, pickle), pickle.size);
  const storages = new Map<string, Storage>();
  const persistent = (id: PickleValue) => {
    const { dtype, key, length } = storageId(source.name, id);
    const known = storages.get(key);
    if (known?.dtype === dtype) return known;
    const storage = zipStorage(source, entries.get(`${root}data/${key}`), { dtype, key, length });
    storages.set(key, storage);
    return storage;
  };
  const { value } = readPickle(bytes, { source: source.name, globals: TORCH_GLOBALS, persistent });
  return modelsAsStateDicts(source.name, value);
}

/** Entries in archives of other programs, and what to do about them. */
const ARCHIVES: readonly (readonly [entry: RegExp, what: string])[] = [
  [/\.npy$/, "NumPy's arrays (.npz); load them in Python and save tensors of them with torch.save or safetensors"],
  [
    /(^|\/)(archive_format|models\/.*\.json)$/,
    "a torch.export program; save torch.export.load(FILE).state_dict instead",
  ],
  [/\.weights\.h5$/, "a Keras model; only PyTorch's and safetensors' formats are read"],
  [/\.(pth|pt|tar|bin|ckpt|safetensors)$/i, "an archive around checkpoints; unpack it and name the file"],
  [
    /(^|\/)data\.pkl$/,
    "a checkpoint's folder that was zipped with a path before its name; zip it from the folder above it",
  ],
];

function archiveKind(names: readonly string[]): string {
  for (const [entry, what] of ARCHIVES) {
    const found = names.find((name) => entry.test(name));
    if (found !== undefined) {
      return `a zip archive, but not from torch.save: with ${excerpt(found)} in it, it is ${what}`;
    }
  }
  return "a zip archive, but not from torch.save: it has no data.pkl";
}

function baseName(path: string): string {
  return path.replace(/^.*[\\/]/, "");
}

async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (!entry || entry.size > 16) return;
  const order = new TextDecoder().decode(await source.read(await zipDataOffset(source, entry), entry.size));
  if (order === "little") return;
  throw new CheckpointError(`${source.name}: its numbers are ${order}-endian; only little-endian files are read`);
}

function zipStorage(
  source: ByteSource,
  entry: ZipEntry | undefined,
  { dtype, key, length }: Pick<Storage, "dtype" | "length"> & { key: string },
): Storage {
  const name = `${source.name}, storage ${excerpt(key).slice(1, -1)}`;
  if (!entry) throw new CheckpointError(`${name}: missing from the archive`);
  checkStored(source, entry);
  if (entry.size < length * DTYPE_BYTES[dtype]) {
    throw new CheckpointError(
      `${name}: ${length} elements (${dtype}) take ${length * DTYPE_BYTES[dtype]} bytes, the archive has ${entry.size}`,
    );
  }
  let start: Promise<number> | undefined;
  return {
    name,
    dtype,
    length,
    async read(offset, bytes) {
      return await source.read(await (start ??= zipDataOffset(source, entry)) + offset, bytes);
    },
  };
}
