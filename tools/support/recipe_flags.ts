/**
 * The recipe of a training run from the flags of `train`.
 *
 * @module
 */

import { MAX_IMAGE_SIZE } from "../../src/models/inference_config.ts";
import { DEFAULT_RECIPE, type Recipe } from "../../src/training/options.ts";
import { oneOf, UsageError, wholeNumber } from "./command.ts";

/** Flags that say something about the recipe, as they were given. */
export type RecipeFlags = Readonly<Record<string, string | undefined>>;

type Keys<T> = { readonly [K in keyof Recipe]: Recipe[K] extends T ? K : never }[keyof Recipe];

/** Whole numbers: their flag, the least that is allowed and, where there is one, the most. */
const WHOLE: Readonly<Record<string, readonly [key: Keys<number>, least: number, most?: number]>> = {
  epochs: ["epochs", 1],
  batch: ["batch", 1],
  "micro-batch": ["microBatch", 1],
  warmup: ["warmup", 0],
  "temp-epoch": ["tempEpoch", 0],
  size: ["size", 1, MAX_IMAGE_SIZE],
  seed: ["seed", 0],
};

/** Numbers: their flag and the range that is allowed. */
const NUMBERS: Readonly<Record<string, readonly [key: Keys<number>, least: number, below: number]>> = {
  lr: ["lr", 0, Infinity],
  gamma: ["gamma", 0, Infinity],
  momentum: ["momentum", 0, 1],
  wd: ["wd", 0, Infinity],
  dropout: ["dropout", 0, 1],
  "label-smoothing": ["labelSmoothing", 0, 1],
  "clip-norm": ["clipNorm", 0, Infinity],
  ema: ["ema", 0, 1],
  "temp-init": ["tempInit", 1, Infinity],
};

/** One of a few words. */
const WORDS = {
  optimizer: ["optimizer", ["sgd", "adamw"]],
  "lr-decay": ["lrDecay", ["none", "schedule", "cos"]],
  augment: ["augment", ["standard", "none"]],
} as const;

/** Flags with values that make up a recipe. */
export const RECIPE_STRINGS: readonly string[] = [
  ...Object.keys(WHOLE),
  ...Object.keys(NUMBERS),
  ...Object.keys(WORDS),
  "schedule",
  "freeze",
];

/**
 * What the flags that were given say; `rest` are arguments behind them, which may be more of --schedule's epochs. Throws
 * UsageError.
 */
export function parseRecipeFlags(
  flags: RecipeFlags,
  { nesterov, noShuffle }: { readonly nesterov: boolean; readonly noShuffle: boolean },
  rest: readonly string[],
): Partial<Recipe> {
  const recipe: Record<string, unknown> = {};
  for (const [flag, [key, least, most]] of Object.entries(WHOLE)) {
    recipe[key] = wholeNumber(flag, flags[flag], least, most);
  }
  for (const [flag, [key, least, below]] of Object.entries(NUMBERS)) {
    recipe[key] = decimal(flag, flags[flag], least, below);
  }
  for (const [flag, [key, words]] of Object.entries(WORDS)) recipe[key] = oneOf<string>(flag, flags[flag], words);
  recipe.schedule = schedule(flags.schedule, rest);
  recipe.freeze = flags.freeze?.split(",").filter((pattern) => pattern !== "");
  if (nesterov) recipe.nesterov = true;
  if (noShuffle) recipe.shuffle = false;
  if (Number(recipe.seed) >= 2 ** 24) {
    throw new UsageError(`--seed takes a whole number below 2^24, not ${recipe.seed}`);
  }
  return Object.fromEntries(Object.entries(recipe).filter(([, value]) => value !== undefined)) as Partial<Recipe>;
}

/** A whole recipe from what was given. Throws UsageError where its parts do not fit each other. */
export function completeRecipe(given: Partial<Recipe>, imageSize: number): Recipe {
  const recipe: Recipe = {
    ...DEFAULT_RECIPE,
    size: imageSize,
    microBatch: given.batch ?? DEFAULT_RECIPE.batch,
    ...given,
  };
  const { batch, microBatch, warmup, epochs, nesterov, momentum, optimizer } = recipe;
  if (batch % microBatch) throw new UsageError(`--micro-batch ${microBatch} does not divide --batch ${batch}`);
  if (warmup >= epochs) throw new UsageError(`--warmup ${warmup} leaves nothing of --epochs ${epochs}`);
  if (nesterov && (momentum === 0 || optimizer !== "sgd")) throw new UsageError("--nesterov needs SGD with momentum");
  return recipe;
}

/** Throws UsageError where flags say something else than the run that is to go on. */
export function checkResumed(
  given: Readonly<Record<string, unknown>>,
  run: Readonly<Record<string, unknown>>,
  folder: string,
): void {
  const other = Object.keys(given).filter((key) => String(given[key]) !== String(run[key]));
  if (!other.length) return;
  const list = other.map((key) =>
    typeof given[key] === "boolean"
      ? `--${flagOf(key)} was not given there`
      : `--${flagOf(key)} is ${String(run[key]) || "nothing"} there, ${given[key]} was asked for`
  );
  throw new UsageError(
    `${folder} cannot go on with another recipe: ${
      list.join("; ")
    }. Leave out these flags to go on as it was, or begin a new run with ` +
      `--finetune ${folder}/last.safetensors`,
  );
}

function flagOf(key: string): string {
  if (key === "shuffle") return "no-shuffle";
  const tables = [WHOLE, NUMBERS, WORDS].flatMap((table) => Object.entries(table));
  return tables.find(([, [name]]) => name === key)?.[0] ?? key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
}

/** The value of a flag that is a number from `least` to below `below`, or undefined. Throws UsageError. */
function decimal(flag: string, value: string | undefined, least: number, below = Infinity): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value.trim() && number >= least && number < below) return number;
  const range = below === Infinity ? `of at least ${least}` : `from ${least} to below ${below}`;
  throw new UsageError(`--${flag} takes a number ${range}, not "${value}"`);
}

function schedule(value: string | undefined, rest: readonly string[]): readonly number[] | undefined {
  if (value === undefined) {
    if (rest.length) throw new UsageError(`"${rest[0]}" belongs to no option`);
    return undefined;
  }
  const epochs = [...value.split(","), ...rest];
  const wrong = epochs.find((epoch) => !/^\d+$/.test(epoch));
  if (wrong !== undefined) throw new UsageError(`--schedule takes epochs such as "30,60,90", not "${wrong}"`);
  return epochs.map(Number);
}
