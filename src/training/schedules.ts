/**
 * What changes while training goes on: the learning rate and the temperature of the attentions, as functions of the
 * position in the run alone, so that a resumed run continues exactly.
 *
 * @module
 */

import { ABOVE_ZERO, checkNumber, COUNT, COUNT_FROM_ZERO, FROM_ZERO } from "../arguments.ts";

/** Where a run is: the step that is about to be made. */
export interface Position {
  /** From 0. */
  readonly epoch: number;
  /** Within the epoch, from 0. */
  readonly step: number;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
}

/** How the learning rate goes down. */
export interface LearningRateOptions {
  /** Before any decay. */
  readonly lr: number;
  /** Epochs of the whole run. */
  readonly epochs: number;
  /**
   * "none" keeps it; "schedule" multiplies it by gamma at each milestone (torch's MultiStepLR); "cos" lets it follow half
   * a cosine down to 0 at the end of the run, one value an epoch as in the published script (torch's CosineAnnealingLR).
   */
  readonly decay: "none" | "schedule" | "cos";
  /** Epochs at whose beginning "schedule" decays; [30, 60, 90], the paper's, if left out. */
  readonly milestones?: readonly number[];
  /** 0.1 if left out. */
  readonly gamma?: number;
  /** Epochs of linear growth from lr / steps to lr, step by step, before the decay begins; 0 if left out. */
  readonly warmupEpochs?: number;
}

/**
 * The learning rate of a step.
 *
 * @throws {ArgumentError} if an option is not a number that makes sense, such as NaN or a negative learning rate.
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

/** How the temperature comes down to 1. */
export interface TemperatureOptions {
  /** Where it starts; 30 in the paper. */
  readonly initial: number;
  /** Epochs until it is 1; 10 in the paper, 0 for 1 from the start. */
  readonly epochs: number;
}

/**
 * The temperature of a step's forward pass (section 3.2 of the paper): linear in the number of steps done, this one
 * counted, so that the first step is already a little below `initial` and the last of the annealing is at 1.
 *
 * @throws {ArgumentError} if `initial` is not a finite number above 0, or `epochs` no whole number from 0.
 */
export function temperature({ initial, epochs }: TemperatureOptions, { epoch, step, stepsPerEpoch }: Position): number {
  checkNumber("initial", initial, ABOVE_ZERO);
  checkNumber("epochs", epochs, COUNT_FROM_ZERO);
  const total = epochs * stepsPerEpoch;
  const done = epoch * stepsPerEpoch + step + 1;
  return done >= total ? 1 : 1 + (initial - 1) * (total - done) / total;
}
