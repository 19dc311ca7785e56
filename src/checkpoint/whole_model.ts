/**
 * The state dicts of whole models (`torch.save(model)`): PyTorch keeps a module's parameters, buffers and submodules in
 * dicts among its attributes, so that its state dict can be put together without its class.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { asDict, Opaque } from "./opaque.ts";
import type { PickleValue } from "./pickle.ts";
import { TorchTensor } from "./torch_tensor.ts";

/** Modules that are looked at, in all; real networks have thousands. A hostile one may be inside itself. */
const MAX_MODULES = 100_000;
/** Modules inside each other. */
const MAX_DEPTH = 100;
/** Dicts inside each other around a model. */
const MAX_DICTS = 4;

/** The value with state dicts where models were, alone or in dicts: `torch.save({"model": model, "epoch": 3})`. */
export function modelsAsStateDicts(source: string, value: PickleValue, depth = 0): PickleValue {
  if (isModule(value)) return new StateDictOf(source, value).tensors;
  const dict = asDict(value);
  if (!dict || depth >= MAX_DICTS) return value;
  for (const [key, inner] of dict) {
    if (isModule(inner) || (inner instanceof Map && depth + 1 < MAX_DICTS)) {
      dict.set(key, modelsAsStateDicts(source, inner, depth + 1));
    }
  }
  return value;
}

/** `torch.nn.Module.state_dict()`: parameters, persistent buffers, then the submodules, each with its name before. */
class StateDictOf {
  readonly tensors = new Map<PickleValue, PickleValue>();
  #modules = 0;

  constructor(readonly source: string, module: Opaque) {
    this.#add(module, "", 0);
  }

  #add({ state }: Opaque, prefix: string, depth: number): void {
    if (++this.#modules > MAX_MODULES || depth > MAX_DEPTH) {
      throw new CheckpointError(`${this.source}: damaged: the modules of its model lie inside each other without end`);
    }
    const attributes = asDict(state);
    const transient = attributes?.get("_non_persistent_buffers_set");
    for (const kind of ["_parameters", "_buffers"]) {
      for (const [name, tensor] of asDict(attributes?.get(kind)) ?? []) {
        const kept = !(Array.isArray(transient) && kind === "_buffers" && transient.includes(name));
        if (tensor instanceof TorchTensor && kept) this.tensors.set(prefix + String(name), tensor);
      }
    }
    for (const [name, module] of asDict(attributes?.get("_modules")) ?? []) {
      if (isModule(module)) this.#add(module, `${prefix}${String(name)}.`, depth + 1);
    }
  }
}

function isModule(value: PickleValue): value is Opaque {
  const attributes = value instanceof Opaque ? asDict(value.state) : undefined;
  return asDict(attributes?.get("_modules")) !== undefined && asDict(attributes?.get("_parameters")) !== undefined;
}
