/**
 * Builds the state dicts of whole models (`torch.save(model)`). PyTorch stores a module's parameters, buffers and
 * submodules in dicts among its attributes. So the state dict can be built without the module's class.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { asDict, Opaque } from "../pickle/opaque.ts";
import type { PickleValue } from "../pickle/value.ts";
import { TorchTensor } from "./tensor.ts";

/**
 * Maximum number of modules, tensors, and 16-character pieces of their names that are visited in a file. Large networks
 * have a tenth of it.
 */
const MAX_PARTS = 1_000_000;
/** Maximum depth of nested modules. */
const MAX_DEPTH = 100;
/** Maximum depth of dicts around a model. */
const MAX_DICTS = 4;

/**
 * Returns the value with models replaced by their state dicts. A model may be alone or in dicts: `torch.save({"model":
 * model, "epoch": 3})`.
 */
export function modelsAsStateDicts(source: string, value: PickleValue): PickleValue {
  return new Models(source).replaced(value, 0);
}

class Models {
  /** Visited values, with the state dict of each model. A value may be in many places, or inside itself. */
  readonly #seen = new Map<PickleValue, PickleValue>();
  #parts = 0;

  constructor(readonly source: string) {}

  replaced(value: PickleValue, depth: number): PickleValue {
    if (this.#seen.has(value)) return this.#seen.get(value);
    if (isModule(value)) {
      const tensors = new Map<PickleValue, PickleValue>();
      this.#seen.set(value, tensors);
      this.#addModule(tensors, value, "", 0);
      return tensors;
    }
    const dict = asDict(value);
    if (!dict || depth === MAX_DICTS) return value;
    this.#seen.set(value, value);
    for (const [key, inner] of dict) {
      if (inner instanceof Map || inner instanceof Opaque) dict.set(key, this.replaced(inner, depth + 1));
    }
    return value;
  }

  /**
   * Does what `torch.nn.Module.state_dict()` does: parameters, persistent buffers, then the submodules, each with its
   * name as prefix.
   */
  #addModule(tensors: Map<PickleValue, PickleValue>, { state }: Opaque, prefix: string, depth: number): void {
    if (depth > MAX_DEPTH) throw this.#endless();
    const attributes = asDict(state);
    this.#addTensors(tensors, asDict(attributes?.get("_parameters")), prefix);
    this.#addTensors(
      tensors,
      asDict(attributes?.get("_buffers")),
      prefix,
      attributes?.get("_non_persistent_buffers_set"),
    );
    for (const [name, module] of asDict(attributes?.get("_modules")) ?? []) {
      const inner = this.#named(prefix, name);
      if (isModule(module)) this.#addModule(tensors, module, `${inner}.`, depth + 1);
    }
  }

  #addTensors(
    tensors: Map<PickleValue, PickleValue>,
    from: Map<PickleValue, PickleValue> = new Map(),
    prefix: string,
    left: PickleValue = [],
  ): void {
    const leftOut: PickleValue[] = Array.isArray(left) ? left : [];
    this.#count(from.size * leftOut.length);
    for (const [name, tensor] of from) {
      const full = this.#named(prefix, name);
      if (tensor instanceof TorchTensor && !leftOut.includes(name)) tensors.set(full, tensor);
    }
  }

  /**
   * Returns the full name. One text in a pickle may be in the names of a million tensors, and each full name is a new
   * text.
   */
  #named(prefix: string, name: PickleValue): string {
    if (typeof name !== "string") throw new CheckpointError(`${this.source}: damaged: a part of its model has no name`);
    this.#count(1 + ((prefix.length + name.length) >> 4));
    return prefix + name;
  }

  #count(parts: number): void {
    if ((this.#parts += parts) > MAX_PARTS) throw this.#endless();
  }

  #endless(): CheckpointError {
    return new CheckpointError(`${this.source}: damaged: the modules of its model lie inside each other without end`);
  }
}

function isModule(value: PickleValue): value is Opaque {
  const attributes = value instanceof Opaque ? asDict(value.state) : undefined;
  return asDict(attributes?.get("_modules")) !== undefined && asDict(attributes?.get("_parameters")) !== undefined;
}
