/**
 * PyTorch's functions that a pickle calls to rebuild tensors. All arguments that affect the elements are used: storage,
 * offset, shape, strides, dtype, and the metadata with PyTorch's lazy signs. What only training needs is dropped
 * (requires_grad, hooks). A tensor's attributes, and a subclass that only adds behaviour, are dropped too.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { readNumpy } from "./numpy_array.ts";
import { Opaque } from "../pickle/opaque.ts";
import { PickleGlobal } from "../pickle/global.ts";
import type { PickleValue } from "../pickle/value.ts";
import type { DType } from "../tensors/state_dict.ts";
import { type Storage, StridedTensor } from "./strided_tensor.ts";
import { DTYPES } from "./dtypes.ts";
import { MAX_AXES, TorchTensor, UnreadableTensor } from "./tensor.ts";

type Rebuild = (args: readonly PickleValue[]) => PickleValue;

const onDevice: Rebuild = ([data, dtype]) => {
  const tensor = data instanceof Opaque ? readNumpy(data) : data;
  if (!(tensor instanceof TorchTensor)) {
    return unreadable("U8", [], "it is kept as an array that is not read here. In PyTorch, save tensor.cpu() instead");
  }
  const wanted = knownDType(dtype);
  // NumPy has no bfloat16. Such numbers are stored as float32, which represents them exactly.
  const same = wanted === tensor.dtype || (wanted === "BF16" && tensor.dtype === "F32");
  return same ? tensor : unreadable(
    tensor.dtype,
    tensor.shape,
    `it is kept as ${tensor.dtype} and meant as ${nameOf(dtype)}. In PyTorch, save tensor.cpu() instead`,
  );
};

/** The functions that make a tensor from its parts. */
const PLAIN: Readonly<Record<string, Rebuild>> = {
  "torch._utils._rebuild_tensor": ([storage, offset, shape, strides]) => strided({ storage, offset, shape, strides }),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides, , , metadata]) =>
    strided({ storage, offset, shape, strides, metadata }),
  "torch._utils._rebuild_tensor_v3": ([storage, offset, shape, strides, , , dtype, metadata]) =>
    strided({ storage, offset, shape, strides, dtype, metadata }),
  "torch._utils._rebuild_parameter": ([data]) => data,
  "torch._utils._rebuild_parameter_with_state": ([data]) => data,
  "torch._utils._rebuild_device_tensor_from_cpu_tensor": onDevice,
  "torch._utils._rebuild_device_tensor_from_numpy": onDevice,
  "torch._utils._rebuild_xla_tensor": onDevice,
  "torch._utils._rebuild_qtensor": ([storage, , shape]) =>
    unreadable(
      isStorage(storage) ? storage.dtype : "U8",
      shape,
      "it is quantised: whole numbers with scales. In PyTorch, save tensor.dequantize() instead",
    ),
  "torch._utils._rebuild_sparse_tensor": ([, data]) => {
    const parts = Array.isArray(data) ? data.slice(0, 4) : [];
    const values = parts.findLast((part) => part instanceof TorchTensor);
    // Indices, values, size and is_coalesced, or two kinds of indices, values and size.
    const shape = parts.findLast((part) => Array.isArray(part));
    return unreadable(
      values instanceof TorchTensor ? values.dtype : "F32",
      shape,
      "it is sparse. In PyTorch, save tensor.to_dense() instead",
    );
  },
  "torch._utils._rebuild_nested_tensor": ([data]) =>
    unreadable(
      data instanceof TorchTensor ? data.dtype : "F32",
      [],
      "it is nested: many tensors of different shapes in one. In PyTorch, save tensor.unbind() instead",
    ),
  "torch._utils._rebuild_meta_tensor_no_storage": ([dtype, shape]) =>
    unreadable(
      knownDType(dtype) ?? "F32",
      shape,
      'it was on the device "meta" when it was saved: the file has its shape and no values. Load the weights into the ' +
        "model before you save its state dict",
    ),
  "torch._utils._rebuild_wrapper_subclass": ([type, dtype, shape]) =>
    unreadable(
      knownDType(dtype) ?? "F32",
      shape,
      `it is an object of the class ${
        nameOf(type)
      }, which has no elements of its own. In PyTorch, save a plain tensor ` +
        "instead: tensor.dequantize() of a quantised one, tensor.full_tensor() of a distributed one",
    ),
};

/**
 * A tensor of a subclass, or with its own attributes. The arguments are one of the other functions with its arguments,
 * the class, and the attributes.
 */
const fromType: Rebuild = ([rebuild, type, args]) => {
  const name = rebuild instanceof PickleGlobal ? rebuild.name : "";
  const made = Object.hasOwn(PLAIN, name) && Array.isArray(args) ? PLAIN[name](args) : undefined;
  return made instanceof TorchTensor ? made : unreadable(
    "U8",
    [],
    `it is an object of the class ${
      nameOf(type)
    }, whose elements lie in other tensors. In PyTorch, save a plain tensor ` +
      "that is made of it instead",
  );
};

/** All functions by name. */
export const REBUILD: Readonly<Record<string, Rebuild>> = {
  ...PLAIN,
  "torch._tensor._rebuild_from_type": fromType,
  "torch._tensor._rebuild_from_type_v2": fromType,
};

/** Returns a replacement for an unknown function that rebuilds tensors. */
export function rebuildUnknown(name: string): Rebuild | undefined {
  if (!/^torch(\.\w+)*\._rebuild_\w+$/.test(name)) return undefined;
  const why = `it is rebuilt by ${
    name.slice(0, 120)
  }, which is not known here. In PyTorch, save a plain tensor instead`;
  return () => unreadable("U8", [], why);
}

/** The arguments in the pickle. */
interface Strided {
  readonly storage: PickleValue;
  readonly offset: PickleValue;
  readonly shape: PickleValue;
  readonly strides: PickleValue;
  /** If left out, the storage's dtype. */
  readonly dtype?: PickleValue;
  /** A dict of PyTorch's lazy signs, if the tensor has any. */
  readonly metadata?: PickleValue;
}

function strided({ storage, offset, shape, strides, dtype, metadata }: Strided): TorchTensor {
  if (!isStorage(storage) || typeof offset !== "number" || !isNumbers(shape) || !isNumbers(strides)) {
    return broken("no storage, shape or strides");
  }
  const type = dtype === undefined ? storage.dtype : knownDType(dtype);
  if (type === undefined) {
    return unreadable(
      "U8",
      shape,
      `the element type ${nameOf(dtype)} is not supported. In PyTorch, save a float32 tensor of its numbers instead`,
    );
  }
  // PyTorch passes a dict, or nothing.
  if (!(metadata === undefined || metadata === null || metadata instanceof Map)) broken("metadata that is not a dict");
  const signs = metadata instanceof Map
    ? { negative: metadata.get("neg") === true, conjugate: metadata.get("conj") === true }
    : undefined;
  return new StridedTensor(storage, type, shape, strides, offset, signs);
}

function unreadable(dtype: DType, shape: PickleValue, why: string): UnreadableTensor {
  return new UnreadableTensor(dtype, isNumbers(shape) ? shape : [], why);
}

function knownDType(dtype: PickleValue): DType | undefined {
  const name = dtype instanceof PickleGlobal ? dtype.name.replace("torch.", "") : "";
  return Object.hasOwn(DTYPES, name) ? DTYPES[name] : undefined;
}

function nameOf(global: PickleValue): string {
  return global instanceof PickleGlobal ? global.name.slice(0, 120) : excerpt(global);
}

function isStorage(value: PickleValue): value is Storage {
  return typeof value === "object" && value !== null && "dtype" in value && "read" in value && "length" in value;
}

function isNumbers(value: PickleValue): value is number[] {
  return Array.isArray(value) && value.length <= MAX_AXES && value.every((n) => typeof n === "number");
}

function broken(what: string): never {
  throw new CheckpointError(`the checkpoint is damaged: one of its tensors has ${what}`);
}
