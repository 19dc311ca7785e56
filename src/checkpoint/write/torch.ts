/**
 * Writes what torch.save writes: a zip archive of one pickle and one file of raw elements for each tensor.
 * `torch.load(weights_only=True)` accepts it. Format: torch/serialization.py, `_save`.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { OrderedDict, type Picklable, PickleWriter, Tuple } from "./pickle.ts";
import { byteLength } from "../safetensors/safetensors.ts";
import type { DType, Tensor } from "../tensors/state_dict.ts";
import { writeFile } from "./file.ts";
import { writeZip } from "./zip.ts";

/**
 * Plain data with tensors. Arrays become lists and Maps become dicts. Tuple and OrderedDict become what their names
 * say.
 */
export type TorchValue = Picklable<Tensor>;

/** Options of writeTorch. */
export interface WriteTorchOptions {
  /** Called after every tensor with the number of bytes so far and the total. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** PyTorch's storage classes by element type. */
const STORAGES: Readonly<Partial<Record<DType, string>>> = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

/**
 * Writes `value` to `path`, one tensor in memory at a time. It writes a temporary file next to `path` and renames it
 * when it is complete. Throws CheckpointError if a tensor cannot be read or written. The temporary file is removed
 * then.
 */
export async function writeTorch(
  path: string,
  value: TorchValue,
  { onProgress }: WriteTorchOptions = {},
): Promise<void> {
  const tensors: Tensor[] = [];
  const pickle = new PickleWriter<Tensor>((writer, tensor) => {
    writeTensor(writer, tensor, String(tensors.length));
    tensors.push(tensor);
  });
  pickle.value(value);
  const contents = [
    // Readers look for the pickle in the first entry's folder.
    content("data.pkl", pickle.finish()),
    content("byteorder", new TextEncoder().encode("little")),
    ...tensors.map((t, i) => ({ name: `archive/data/${i}`, size: byteLength(t), read: () => t.read() })),
    content("version", new TextEncoder().encode("3\n")),
  ];
  await writeFile(path, (write) => writeZip(contents, write, onProgress));
}

function content(name: string, bytes: Uint8Array<ArrayBuffer>) {
  return { name: `archive/${name}`, size: bytes.length, read: () => bytes };
}

/**
 * Writes `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks)`. Each tensor has its own
 * storage.
 */
function writeTensor(writer: PickleWriter<Tensor>, { dtype, shape }: Tensor, key: string): void {
  const storage = STORAGES[dtype];
  if (storage === undefined) throw new CheckpointError(`tensors of type ${dtype} cannot be written for PyTorch here`);
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1));
  writer.global("torch._utils", "_rebuild_tensor_v2");
  writer.opcode("MARK");
  // The storage, as its persistent id: ("storage", type, key, location, number of elements).
  writer.opcode("MARK");
  writer.value("storage");
  writer.global("torch", storage);
  writer.value(key);
  writer.value("cpu");
  writer.value(shape.reduce((n, d) => n * d, 1));
  writer.opcode("TUPLE");
  writer.opcode("BINPERSID");
  const [extents, steps] = [new Tuple<Tensor>(shape), new Tuple<Tensor>(strides)];
  for (const argument of [0, extents, steps, false, new OrderedDict<Tensor>()]) writer.value(argument);
  writer.opcode("TUPLE");
  writer.opcode("REDUCE");
}
