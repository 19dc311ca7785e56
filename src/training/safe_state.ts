/**
 * What training goes back to when the device is lost with all that it held: a state that was read back, in memory. Nothing
 * is copied, because training replaces tensors and never changes them.
 *
 * @module
 */

import type { Tensor } from "../checkpoint/tensors/state_dict.ts";
import type { Model } from "../models/model/model.ts";
import { namedParameters } from "../nn/module.ts";
import type { EpochSums } from "./checkpoint.ts";
import type { TrainingMemory } from "./trainer.ts";

/** A state of a run. */
export class SafeState {
  /** Of the epoch that was not finished. */
  readonly sums: EpochSums;
  readonly #model: Model;
  readonly #memory: TrainingMemory;
  readonly #weights: ReadonlyMap<string, Tensor | undefined>;
  readonly #remembered: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  readonly #updates: number;
  readonly #passes: number;

  /** The state of the moment. Model and memory must be synchronised. */
  constructor(model: Model, memory: TrainingMemory, sums: EpochSums) {
    this.sums = sums;
    this.#model = model;
    this.#memory = memory;
    this.#weights = new Map([...namedParameters(model.network)].map(([name, { tensor }]) => [name, tensor]));
    this.#remembered = new Map(memory.tensors);
    this.#updates = memory.updates;
    this.#passes = memory.passes;
  }

  /** Makes model and memory what they were. */
  restore(): void {
    for (const [name, parameter] of namedParameters(this.#model.network)) parameter.tensor = this.#weights.get(name);
    this.#memory.tensors.clear();
    for (const [name, data] of this.#remembered) this.#memory.tensors.set(name, data);
    this.#memory.updates = this.#updates;
    this.#memory.passes = this.#passes;
  }
}
