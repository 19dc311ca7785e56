/**
 * Everything that decides what a training run computes: with the data and the initial weights, it decides the result.
 *
 * @module
 */

import type { OptimizerSettings } from "../checkpoint/training/state.ts";
import { ArgumentError, CheckpointError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";
import { adamW, type Optimizer, sgd } from "./optimizer.ts";
import {
  checkNumber,
  checkWord,
  COUNT,
  COUNT_FROM_ZERO,
  describeRange,
  FROM_ZERO,
  isWithin,
  type Range,
  SEED,
  SHARE,
} from "../arguments.ts";
import { learningRate, type Position, temperature } from "./schedules.ts";

/** The recipe of a run; names and defaults are the published training script's, where it has them. */
export interface Recipe {
  /** Passes over the training images. */
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  /** Images on the device at a time: a divisor of `batch`. */
  readonly microBatch: number;
  /** Which update rule. */
  readonly optimizer: "sgd" | "adamw";
  /** Initial learning rate. */
  readonly lr: number;
  /** How it goes down; see LearningRateOptions. */
  readonly lrDecay: "none" | "schedule" | "cos";
  /** Epochs at which "schedule" decays. */
  readonly schedule: readonly number[];
  /** By which factor. */
  readonly gamma: number;
  /** Epochs of linear growth of the learning rate. */
  readonly warmup: number;
  /** Of SGD. */
  readonly momentum: number;
  /** Of SGD. */
  readonly nesterov: boolean;
  /** Weight decay. */
  readonly wd: number;
  /** Probability of dropping a feature before the classifier. */
  readonly dropout: number;
  /** Share of the target spread over all classes. */
  readonly labelSmoothing: number;
  /** Largest joint norm of the gradients; 0 does not clip. */
  readonly clipNorm: number;
  /** Decay of the moving average of the weights; 0 keeps none. */
  readonly ema: number;
  /** Epochs of annealing of the attentions' temperature. */
  readonly tempEpoch: number;
  /** Temperature before the first step. */
  readonly tempInit: number;
  /** Height and width of the images. */
  readonly size: number;
  /** Random crops and mirror images, or centre crops only. */
  readonly augment: "standard" | "none";
  /** Whether every epoch has another order. */
  readonly shuffle: boolean;
  /** Parameters and layers that are not trained; see isFrozen. */
  readonly freeze: readonly string[];
  /** Of initial weights, order, augmentation and dropout; a whole number below 2^24. */
  readonly seed: number;
}

/** The published script's recipe; `size` comes from the architecture. */
export const DEFAULT_RECIPE: Readonly<Omit<Recipe, "size" | "microBatch">> = {
  epochs: 100,
  batch: 256,
  optimizer: "sgd",
  lr: 0.1,
  lrDecay: "schedule",
  schedule: [30, 60, 90],
  gamma: 0.1,
  warmup: 0,
  momentum: 0.9,
  nesterov: false,
  wd: 1e-4,
  dropout: 0,
  labelSmoothing: 0,
  clipNorm: 0,
  ema: 0,
  tempEpoch: 10,
  tempInit: 30,
  augment: "standard",
  shuffle: true,
  freeze: [],
  seed: 0,
};

/**
 * A whole recipe: what is not given is the published script's, and as many images are on the device as a step has.
 *
 * @param imageSize Of the model.
 * @throws {ArgumentError} if a number is out of its range, or microBatch does not divide batch.
 */
export function completeRecipe(given: Partial<Recipe>, imageSize: number): Recipe {
  const batch = given.batch ?? DEFAULT_RECIPE.batch;
  const recipe: Recipe = { ...DEFAULT_RECIPE, size: imageSize, microBatch: batch, ...given };
  for (const [name, range] of Object.entries(RECIPE_RANGES)) {
    checkNumber(name, recipe[name as keyof typeof RECIPE_RANGES], range);
  }
  for (const [name, words] of Object.entries(RECIPE_WORDS)) {
    checkWord(name, recipe[name as keyof typeof RECIPE_WORDS], words);
  }
  if (batch % recipe.microBatch) {
    throw new ArgumentError(`microBatch ${recipe.microBatch} does not divide batch ${batch}`);
  }
  return recipe;
}

/** Names of a recipe's settings whose values are of that type. */
type Keys<T> = { readonly [K in keyof Recipe]: Recipe[K] extends T ? K : never }[keyof Recipe];

/** Which numbers a recipe may have. */
export const RECIPE_RANGES: Readonly<Record<Keys<number>, Range>> = {
  epochs: COUNT,
  batch: COUNT,
  microBatch: COUNT,
  lr: FROM_ZERO,
  gamma: FROM_ZERO,
  warmup: COUNT_FROM_ZERO,
  momentum: SHARE,
  wd: FROM_ZERO,
  dropout: SHARE,
  labelSmoothing: SHARE,
  clipNorm: FROM_ZERO,
  ema: SHARE,
  tempEpoch: COUNT_FROM_ZERO,
  tempInit: { least: 1 },
  size: COUNT,
  seed: SEED,
};

/** Which words. */
export const RECIPE_WORDS = {
  optimizer: ["sgd", "adamw"],
  lrDecay: ["none", "schedule", "cos"],
  augment: ["standard", "none"],
} as const satisfies { readonly [K in keyof Recipe]?: readonly Recipe[K][] };

/** The update rule of a recipe. */
export function recipeOptimizer({ optimizer, momentum, nesterov, wd }: Recipe): Optimizer {
  return optimizer === "adamw" ? adamW({ weightDecay: wd }) : sgd({ momentum, nesterov, weightDecay: wd });
}

/** The same as PyTorch would describe it. */
export function optimizerSettings(recipe: Recipe, learningRate: number): OptimizerSettings {
  const common = { lr: learningRate, weight_decay: recipe.wd };
  if (recipe.optimizer === "adamw") return { type: "AdamW", arguments: common };
  return { type: "SGD", arguments: { ...common, momentum: recipe.momentum, nesterov: recipe.nesterov } };
}

/** Learning rate and temperature of a step of a recipe. */
export function stepSettings(recipe: Recipe, position: Position): { learningRate: number; temperature: number } {
  const { lr, epochs, lrDecay: decay, schedule: milestones, gamma, warmup: warmupEpochs, tempInit, tempEpoch } = recipe;
  return {
    learningRate: learningRate({ lr, epochs, decay, milestones, gamma, warmupEpochs }, position),
    temperature: temperature({ initial: tempInit, epochs: tempEpoch }, position),
  };
}

/** The recipe that a state file holds. Throws CheckpointError where it is none. */
export function parseRecipe(text: string | undefined, path: string): Recipe {
  const fail = (what: string) => new CheckpointError(`${path}: not a training state of this version: ${what}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? "");
  } catch {
    throw fail("its recipe is no JSON");
  }
  if (typeof parsed !== "object" || parsed === null) throw fail("its recipe is no object");
  // States of runs that began before layers could be frozen do not say that none is.
  const recipe: Record<string, unknown> = "freeze" in parsed ? { ...parsed } : { ...parsed, freeze: [] };
  for (const [name, usual] of Object.entries({ ...DEFAULT_RECIPE, size: 0, microBatch: 0 })) {
    const value = recipe[name];
    const element = name === "freeze" ? "string" : "number";
    const same = Array.isArray(usual)
      ? Array.isArray(value) && value.every((v) => typeof v === element)
      : typeof value === typeof usual;
    if (!same) throw fail(`its recipe has ${JSON.stringify(value) ?? "no value"} for ${name}`);
  }
  for (const [name, range] of Object.entries(RECIPE_RANGES)) {
    if (!isWithin(recipe[name], range)) {
      throw fail(`its recipe has ${recipe[name]} for ${name}, expected ${describeRange(range)}`);
    }
  }
  for (const [name, words] of Object.entries<readonly string[]>(RECIPE_WORDS)) {
    const word = String(recipe[name]);
    if (!words.includes(word)) {
      throw fail(`its recipe has ${excerpt(word)} for ${name}, expected ${words.join(" or ")}`);
    }
  }
  const whole = recipe as unknown as Recipe;
  if (!whole.schedule.every((epoch) => isWithin(epoch, COUNT_FROM_ZERO))) {
    throw fail(`its recipe has ${excerpt(whole.schedule)} for schedule, expected whole numbers`);
  }
  if (whole.batch % whole.microBatch) throw fail(`its microBatch ${whole.microBatch} does not divide ${whole.batch}`);
  return whole;
}
