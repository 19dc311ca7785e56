/**
 * The globals that PyTorch checkpoints name, and what each becomes here. A pickle that names any other is refused.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { Opaque } from "./opaque.ts";
import { PickleGlobal, type PickleValue } from "./pickle.ts";
import type { DType } from "./state_dict.ts";
import { type Storage, TorchTensor } from "./torch_tensor.ts";

/** Element types by PyTorch's storage classes. */
const STORAGE_TYPES: Readonly<Record<string, DType>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

type Call = NonNullable<PickleGlobal["call"]>;

/** Globals that make what we need. */
const MAKERS: Readonly<Record<string, Call>> = {
  "torch._utils._rebuild_tensor": ([storage, offset, shape, strides]) => tensor(storage, offset, shape, strides),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides]) => tensor(storage, offset, shape, strides),
  "torch._utils._rebuild_parameter": ([data]) => data,
  "torch._utils._rebuild_parameter_with_state": ([data]) => data,
  "collections.OrderedDict": ([items]) => dict(items),
  "torch.Size": ([items]) => Array.isArray(items) ? items : [],
  "builtins.dict": ([items]) => dict(items),
  "builtins.list": ([items]) => Array.isArray(items) ? items : [],
  "builtins.set": ([items]) => Array.isArray(items) ? items : [],
  "builtins.tuple": ([items]) => Array.isArray(items) ? items : [],
  "collections.defaultdict": () => new Map(),
  "collections.Counter": ([items]) => items instanceof Map ? items : new Map(),
  "argparse.Namespace": () => new Map(),
};

/** Globals of values beside the state dict: best accuracies as numpy numbers, devices, dtypes, paths in arguments. */
const BESIDE: readonly string[] = [
  "_codecs.encode",
  ...["core", "_core"].flatMap((core) => [
    `numpy.${core}.multiarray.scalar`,
    `numpy.${core}.multiarray._reconstruct`,
    `numpy.${core}.numeric._frombuffer`,
  ]),
  "numpy.dtype",
  "numpy.ndarray",
  ...["Float16", "Float32", "Float64", "Int32", "Int64", "Bool"].map((type) => `numpy.dtypes.${type}DType`),
  "torch.device",
  "torch.serialization._get_layout",
  ...["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    .map((dtype) => `torch.${dtype}`),
  ...["Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath", "PureWindowsPath"]
    .flatMap((name) => [`pathlib.${name}`, `pathlib._local.${name}`]),
  "builtins.bytearray",
  "builtins.complex",
  "builtins.slice",
  "datetime.datetime",
];

/** Every global that is allowed, by name. */
export const TORCH_GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(
  [
    ...Object.entries(MAKERS).map(([name, call]) => new PickleGlobal(name, call)),
    ...BESIDE.map((name) => new PickleGlobal(name, () => new Opaque(name))),
    ...Object.keys(STORAGE_TYPES).map((name) => new PickleGlobal(`torch.${name}`)),
  ].flatMap((global) => spellings(global.name).map((name) => [name, global] as const)),
);

/** Python 2 called the module of built-in names otherwise. */
function spellings(name: string): string[] {
  return name.startsWith("builtins.") ? [name, name.replace("builtins", "__builtin__")] : [name];
}

/** The persistent id that torch.save writes for a storage. */
export interface StorageId {
  /** Type of its elements. */
  readonly dtype: DType;
  /** Names it among the file's storages. */
  readonly key: string;
  /** Number of its elements. */
  readonly length: number;
  /** Old files: the part of the storage that is meant, [key, offset, length]; null for all of it. */
  readonly view: PickleValue;
}

/** Reads `("storage", type, key, location, length[, view])`. Throws CheckpointError where it is something else. */
export function storageId(source: string, id: PickleValue): StorageId {
  const [tag, type, key, , length, view = null] = Array.isArray(id) ? id : [];
  const name = type instanceof PickleGlobal ? type.name.replace("torch.", "") : "";
  if (tag !== "storage" || !Object.hasOwn(STORAGE_TYPES, name) || typeof key !== "string" || !isSize(length)) {
    throw new CheckpointError(`${source}: its pickle refers to something beside it that is not a storage of numbers`);
  }
  return { dtype: STORAGE_TYPES[name], key, length, view };
}

/** Whether a value is a number of things. */
export function isSize(value: PickleValue): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

function tensor(storage: PickleValue, offset: PickleValue, shape: PickleValue, strides: PickleValue): TorchTensor {
  const numbers = (v: PickleValue): v is number[] => Array.isArray(v) && v.every((n) => typeof n === "number");
  if (!isStorage(storage) || typeof offset !== "number" || !numbers(shape) || !numbers(strides)) {
    throw new CheckpointError("the checkpoint is damaged: one of its tensors has no storage, shape or strides");
  }
  return new TorchTensor(storage, storage.dtype, shape, strides, offset);
}

function isStorage(value: PickleValue): value is Storage {
  return typeof value === "object" && value !== null && "dtype" in value && "read" in value && "length" in value;
}

function dict(items: PickleValue): Map<PickleValue, PickleValue> {
  const pairs = Array.isArray(items)
    ? items.filter((item): item is [PickleValue, PickleValue] => Array.isArray(item))
    : [];
  return items instanceof Map ? items : new Map(pairs);
}
