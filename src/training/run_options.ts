/**
 * What a training run is given, and what it returns.
 *
 * @module
 */

import type { Dataset } from "../data/datasets/dataset.ts";
import type { DataError } from "../errors.ts";
import type { Backend } from "../graph/backend.ts";
import type { Model } from "../models/model/model.ts";
import type { RunState } from "./checkpoint.ts";
import type { EpochMetrics, StepMetrics } from "./metrics.ts";
import type { Recipe } from "./options.ts";

/** Options of a training run. */
export interface RunOptions {
  /** The model to train. It holds the last weights when the run ends. */
  readonly model: Model;
  /** The recipe. Settings that are left out come from DEFAULT_RECIPE. */
  readonly recipe: Partial<Recipe>;
  /** The training images. */
  readonly training: Dataset;
  /** The user's name for the two data sets. It is saved for resuming the run. @default the name of `training` */
  readonly data?: string;
  /** The data set that is evaluated after every epoch. */
  readonly validation: Dataset;
  /** The device to train on. */
  readonly backend: Backend;
  /** An existing folder. Metrics, curves and checkpoints are written to it. */
  readonly folder: string;
  /** The state of an earlier run to resume. `model` must be the model of that state. */
  readonly state?: RunState;
  /** Number of threads that prepare images. @default one per core, less one */
  readonly workers?: number;
  /**
   * Called for every broken image. Training replaces the image by the next one, validation leaves it out. If this
   * callback is left out, the first broken image ends the run, after saving.
   */
  readonly onBroken?: (error: DataError) => void;
  /** If aborted, the run finishes its step, saves and ends. */
  readonly signal?: AbortSignal;
  /** Called after every step. `inEpoch` counts from 1. */
  readonly onStep?: (step: StepMetrics, inEpoch: number, stepsPerEpoch: number) => void;
  /** Called if the device was lost and training goes back to the state before this step. */
  readonly onLost?: (step: number) => void;
  /** Called after every epoch. */
  readonly onEpoch?: (epoch: EpochMetrics, best: boolean) => void;
}

/** Result of a run. */
export interface RunOutcome {
  /** False if the run was stopped before its last epoch ended. */
  readonly finished: boolean;
  /** Best top-1 accuracy of a validation, in percent. 0 if there was no validation. */
  readonly best: number;
}
