/**
 * Parses the recipe of a training run from the flags of `train`.
 *
 * @module
 */

import { DEFAULT_RECIPE, type Recipe, RECIPE_RANGES, RECIPE_WORDS } from "../../src/training/options.ts";
import { describeRange, isWithin } from "../../src/arguments.ts";
import { oneOf, UsageError } from "./command.ts";

/** Flags of the recipe with their values as text. */
export type RecipeFlags = Readonly<Record<string, string | undefined>>;

/** Members that are numbers, by flag. */
const NUMBERS: Readonly<Record<string, keyof typeof RECIPE_RANGES>> = {
  epochs: "epochs",
  batch: "batch",
  "micro-batch": "microBatch",
  warmup: "warmup",
  "temp-epoch": "tempEpoch",
  size: "size",
  seed: "seed",
  lr: "lr",
  gamma: "gamma",
  momentum: "momentum",
  wd: "wd",
  dropout: "dropout",
  "label-smoothing": "labelSmoothing",
  "clip-norm": "clipNorm",
  ema: "ema",
  "temp-init": "tempInit",
};

/** Members that are one of a few words, by flag. */
const WORDS: Readonly<Record<string, keyof typeof RECIPE_WORDS>> = {
  optimizer: "optimizer",
  "lr-decay": "lrDecay",
  augment: "augment",
};

/** Flags of a recipe that take a value. */
export const RECIPE_STRINGS: readonly string[] = [
  ...Object.keys(NUMBERS),
  ...Object.keys(WORDS),
  "schedule",
  "freeze",
];

/**
 * Parses the given flags. `rest` are the arguments after them, which can be further epochs of --schedule. Throws
 * UsageError.
 */
export function parseRecipeFlags(
  flags: RecipeFlags,
  { nesterov, noShuffle }: { readonly nesterov: boolean; readonly noShuffle: boolean },
  rest: readonly string[],
): Partial<Recipe> {
  const recipe: Record<string, unknown> = {};
  for (const [flag, key] of Object.entries(NUMBERS)) recipe[key] = numberOf(flag, flags[flag], key);
  for (const [flag, key] of Object.entries(WORDS)) recipe[key] = oneOf<string>(flag, flags[flag], RECIPE_WORDS[key]);
  recipe.schedule = schedule(flags.schedule, rest);
  recipe.freeze = flags.freeze?.split(",").filter((pattern) => pattern !== "");
  if (nesterov) recipe.nesterov = true;
  if (noShuffle) recipe.shuffle = false;
  return Object.fromEntries(Object.entries(recipe).filter(([, value]) => value !== undefined)) as Partial<Recipe>;
}

/** Completes a recipe with defaults. Throws UsageError if its parts contradict each other. */
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

/** Throws UsageError if a flag differs from the run to resume. */
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
  const flags = Object.entries({ ...NUMBERS, ...WORDS });
  return flags.find(([, name]) => name === key)?.[0] ?? key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
}

/** Returns the value of a flag that is a number of the recipe, or undefined. Throws UsageError. */
function numberOf(flag: string, value: string | undefined, key: keyof typeof RECIPE_RANGES): number | undefined {
  if (value === undefined) return undefined;
  const range = RECIPE_RANGES[key];
  const number = Number(value);
  if ((range.whole ? /^\d+$/.test(value) : value.trim()) && isWithin(number, range)) return number;
  throw new UsageError(`--${flag} takes ${describeRange(range)}, not "${value}"`);
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
