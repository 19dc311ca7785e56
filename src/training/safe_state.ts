/**
 * A state that was read back into memory. Training goes back to it if the device is lost. Nothing is copied, because
 * training replaces tensors and never changes them.
 *
 * @module
 */

import type { Model } from "../models/model/model.ts";

import type { EpochSums } from "./checkpoint.ts";
import { keepTensors } from "./kept_tensors.ts";
import type { TrainingMemory } from "./trainer.ts";

/** A state of a run. */
export class SafeState {
  /** Sums of the epoch that was not finished. */
  readonly sums: EpochSums;
  readonly #memory: TrainingMemory;
  readonly #restoreWeights: () => void;
  readonly #remembered: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  readonly #updates: number;
  readonly #passes: number;

  /** Keeps the current state. Model and memory must be synchronised. */
  constructor(model: Model, memory: TrainingMemory, sums: EpochSums) {
    this.sums = sums;
    this.#memory = memory;
    this.#restoreWeights = keepTensors(model.network);
    this.#remembered = new Map(memory.tensors);
    this.#updates = memory.updates;
    this.#passes = memory.passes;
  }

  /** Restores the model and the memory. */
  restore(): void {
    this.#restoreWeights();
    this.#memory.tensors.clear();
    for (const [name, data] of this.#remembered) this.#memory.tensors.set(name, data);
    this.#memory.updates = this.#updates;
    this.#memory.passes = this.#passes;
  }
}
