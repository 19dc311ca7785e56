/**
 * Schedules of the learning rate and of the attentions' temperature. They depend only on the position in the run, so
 * that a resumed run continues exactly.
 *
 * @module
 */

import { ABOVE_ZERO, checkNumber, COUNT, COUNT_FROM_ZERO, FROM_ZERO } from "../arguments.ts";

/** Position in a run: the step that is about to be made. */
export interface Position {
  /** Index of the epoch, from 0. */
  readonly epoch: number;
  /** Index of the step within the epoch, from 0. */
  readonly step: number;
  /** Number of steps per epoch. */
  readonly stepsPerEpoch: number;
}

/** Options of the learning rate. */
export interface LearningRateOptions {
  /** Learning rate before any decay. */
  readonly lr: number;
  /** Number of epochs of the whole run. */
  readonly epochs: number;
  /**
   * "none" keeps the learning rate. "schedule" multiplies it by gamma at each milestone (torch's MultiStepLR). "cos"
   * follows half a cosine down to 0 at the end of the run, one value per epoch as in the published script (torch's
   * CosineAnnealingLR).
   */
  readonly decay: "none" | "schedule" | "cos";
  /** Epochs at whose start "schedule" decays. @default [30, 60, 90], as in the paper */
  readonly milestones?: readonly number[];
  /** Factor of each decay of "schedule". @default 0.1 */
  readonly gamma?: number;
  /**
   * Number of epochs before the decay in which the rate grows linearly, step by step, from lr / steps to lr. @default 0
   */
  readonly warmupEpochs?: number;
}

/**
 * Returns the learning rate of a step.
 *
 * @throws {ArgumentError} if an option is invalid, such as NaN or a negative learning rate.
 */
export function learningRate(options: LearningRateOptions, { epoch, step, stepsPerEpoch }: Position): number {
  const { lr, epochs, decay, milestones = [30, 60, 90], gamma = 0.1, warmupEpochs = 0 } = options;
  checkNumber("lr", lr, FROM_ZERO);
  checkNumber("gamma", gamma, FROM_ZERO);
  checkNumber("epochs", epochs, COUNT);
  checkNumber("warmupEpochs", warmupEpochs, COUNT_FROM_ZERO);
  milestones.forEach((milestone, i) => checkNumber(`milestones[${i}]`, milestone, COUNT_FROM_ZERO));
  if (epoch < warmupEpochs) return lr * (epoch * stepsPerEpoch + step + 1) / (warmupEpochs * stepsPerEpoch);
  switch (decay) {
    case "none":
      return lr;
    case "schedule":
      return lr * gamma ** milestones.filter((milestone) => milestone <= epoch).length;
    case "cos":
      return lr * (1 + Math.cos(Math.PI * (epoch - warmupEpochs) / (epochs - warmupEpochs))) / 2;
  }
}

/** Options of the temperature, which falls to 1. */
export interface TemperatureOptions {
  /** Initial temperature. 30 in the paper. */
  readonly initial: number;
  /** Number of epochs until the temperature is 1. 10 in the paper. With 0 it is 1 from the start. */
  readonly epochs: number;
}

/**
 * Returns the temperature of a step's forward pass (section 3.2 of the paper). It is linear in the number of steps
 * done, including this one. So the first step is already slightly below `initial`, and the last step of the annealing
 * is at 1.
 *
 * @throws {ArgumentError} if `initial` is not a finite number above 0, or `epochs` is not a whole number from 0.
 */
export function temperature({ initial, epochs }: TemperatureOptions, { epoch, step, stepsPerEpoch }: Position): number {
  checkNumber("initial", initial, ABOVE_ZERO);
  checkNumber("epochs", epochs, COUNT_FROM_ZERO);
  const total = epochs * stepsPerEpoch;
  const done = epoch * stepsPerEpoch + step + 1;
  return done >= total ? 1 : 1 + (initial - 1) * (total - done) / total;
}
