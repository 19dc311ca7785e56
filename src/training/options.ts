/**
 * The recipe: all settings that affect what a training run computes. Together with the data and the initial weights
 * they determine the result.
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

/** The recipe of a run. Names and defaults are those of the published training script, if it has the setting. */
export interface Recipe {
  /** Number of passes over the training images. */
  readonly epochs: number;
  /** Images per step. */
  readonly batch: number;
  /** Images on the device at a time. It must divide `batch`. */
  readonly microBatch: number;
  /** The optimizer. */
  readonly optimizer: "sgd" | "adamw";
  /** Initial learning rate. */
  readonly lr: number;
  /** How the learning rate decays; see LearningRateOptions. */
  readonly lrDecay: "none" | "schedule" | "cos";
  /** Epochs at which "schedule" decays the learning rate. */
  readonly schedule: readonly number[];
  /** Factor of each decay of "schedule". */
  readonly gamma: number;
  /** Number of epochs in which the learning rate grows linearly. */
  readonly warmup: number;
  /** Momentum of SGD. */
  readonly momentum: number;
  /** Nesterov momentum of SGD. */
  readonly nesterov: boolean;
  /** Weight decay. */
  readonly wd: number;
  /** Probability of dropping a feature before the classifier. */
  readonly dropout: number;
  /** Share of the target that is spread over all classes. */
  readonly labelSmoothing: number;
  /** Largest joint L2 norm of the gradients. 0 turns clipping off. */
  readonly clipNorm: number;
  /** Decay of the moving average of the weights. 0 keeps no average. */
  readonly ema: number;
  /** Number of epochs in which the attentions' temperature is annealed. */
  readonly tempEpoch: number;
  /** Temperature before the first step. */
  readonly tempInit: number;
  /** Height and width of the images, in pixels. */
  readonly size: number;
  /** "standard": random crops and mirror images. "none": centre crops only. */
  readonly augment: "standard" | "none";
  /** If true, every epoch has another order. */
  readonly shuffle: boolean;
  /** Parameters and layers that are not trained; see isFrozen. */
  readonly freeze: readonly string[];
  /** Seed of initial weights, order, augmentation and dropout. A whole number below 2^24. */
  readonly seed: number;
}

/** The published script's recipe. `size` comes from the architecture. */
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
 * Completes a recipe. Missing settings come from the published script. `microBatch` defaults to `batch`.
 *
 * @param imageSize The model's image size, the default of `size`.
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

/** Names of the recipe's settings whose values have type T. */
type Keys<T> = { readonly [K in keyof Recipe]: Recipe[K] extends T ? K : never }[keyof Recipe];

/** Allowed range of each numeric setting. */
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

/** Allowed words of each text setting. */
export const RECIPE_WORDS = {
  optimizer: ["sgd", "adamw"],
  lrDecay: ["none", "schedule", "cos"],
  augment: ["standard", "none"],
} as const satisfies { readonly [K in keyof Recipe]?: readonly Recipe[K][] };

/** Returns the optimizer of a recipe. */
export function recipeOptimizer({ optimizer, momentum, nesterov, wd }: Recipe): Optimizer {
  return optimizer === "adamw" ? adamW({ weightDecay: wd }) : sgd({ momentum, nesterov, weightDecay: wd });
}

/** Returns the optimizer's settings as PyTorch stores them. */
export function optimizerSettings(recipe: Recipe, learningRate: number): OptimizerSettings {
  const common = { lr: learningRate, weight_decay: recipe.wd };
  if (recipe.optimizer === "adamw") return { type: "AdamW", arguments: common };
  return { type: "SGD", arguments: { ...common, momentum: recipe.momentum, nesterov: recipe.nesterov } };
}

/** Returns the learning rate and the temperature of a step. */
export function stepSettings(recipe: Recipe, position: Position): { learningRate: number; temperature: number } {
  const { lr, epochs, lrDecay: decay, schedule: milestones, gamma, warmup: warmupEpochs, tempInit, tempEpoch } = recipe;
  return {
    learningRate: learningRate({ lr, epochs, decay, milestones, gamma, warmupEpochs }, position),
    temperature: temperature({ initial: tempInit, epochs: tempEpoch }, position),
  };
}

/** Parses the recipe in a state file. Throws CheckpointError if it is not valid. */
export function parseRecipe(text: string | undefined, path: string): Recipe {
  const fail = (what: string) => new CheckpointError(`${path}: not a training state of this version: ${what}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? "");
  } catch {
    throw fail("its recipe is no JSON");
  }
  if (typeof parsed !== "object" || parsed === null) throw fail("its recipe is no object");
  // State files from before layers could be frozen have no "freeze".
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
