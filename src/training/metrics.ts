/**
 * The log of a run: metrics.jsonl, with one line per step and one line per epoch.
 *
 * @module
 */

import { append, writeFile } from "../checkpoint/write/file.ts";
import { readText } from "../data/files/read.ts";
import { DataError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";

/** The log line of a step. */
export interface StepMetrics {
  /** Index of the step, from 0, over all epochs. */
  readonly step: number;
  /** Index of the epoch, from 0. */
  readonly epoch: number;
  /** Mean loss of the step's batch. */
  readonly loss: number;
  /** Learning rate. */
  readonly lr: number;
  /** Temperature of the attentions. */
  readonly temperature: number;
}

/**
 * The log line of an epoch. Training figures are measured with the weights at each step, validation figures with the
 * last weights. Accuracies are in percent.
 */
export interface EpochMetrics {
  /** Index of the epoch, from 0. */
  readonly epoch: number;
  /** Mean training loss. */
  readonly trainLoss: number;
  /** Top-1 accuracy in training. */
  readonly trainTop1: number;
  /** Top-5 accuracy in training. */
  readonly trainTop5: number;
  /** Mean validation loss. */
  readonly valLoss: number;
  /** Top-1 accuracy in validation. */
  readonly valTop1: number;
  /** Top-5 accuracy in validation. */
  readonly valTop5: number;
  /** Learning rate of the last step. */
  readonly lr: number;
  /** Temperature of the last step and of the validation. */
  readonly temperature: number;
  /** Wall time in seconds, validation included. */
  readonly seconds: number;
  /** Number of broken training images that were replaced. Left out if 0. */
  readonly trainSkipped?: number;
  /** Number of broken validation images that were left out. Left out if 0. */
  readonly valSkipped?: number;
}

/** The log lines of a run, in memory and in the file. */
export class Metrics {
  /** The lines of the steps. */
  readonly steps: StepMetrics[] = [];
  /** The lines of the epochs. */
  readonly epochs: EpochMetrics[] = [];
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens FOLDER/metrics.jsonl for a run with this many steps and epochs done. Later lines are dropped: they belong to
   * steps after the last checkpoint. Throws DataError if an earlier line is damaged, or the disk is full.
   */
  static async open(folder: string, steps: number, epochs: number): Promise<Metrics> {
    const path = `${folder}/metrics.jsonl`;
    const before = steps > 0 ? await readLines(path) : [];
    const kept = before.filter((line) => "step" in line ? line.step < steps : line.epoch < epochs);
    await writeFile(path, (write) => write(encode(kept)), DataError);
    const metrics = new Metrics(path, await Deno.open(path, { append: true }));
    for (const line of kept) metrics.#remember(line);
    return metrics;
  }

  /** Adds a line. Throws DataError if the disk is full. */
  async add(line: StepMetrics | EpochMetrics): Promise<void> {
    this.#remember(line);
    await append(this.#file, this.#path, encode([line]));
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  #remember(line: StepMetrics | EpochMetrics): void {
    if ("step" in line) this.steps.push(line);
    else this.epochs.push(line);
  }
}

function encode(lines: readonly (StepMetrics | EpochMetrics)[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** Reads the lines of FOLDER/metrics.jsonl. Throws DataError if there are none, or one is damaged. */
export async function readMetrics(folder: string): Promise<{ steps: StepMetrics[]; epochs: EpochMetrics[] }> {
  const path = `${folder}/metrics.jsonl`;
  const lines = await readLines(path);
  if (!lines.length) throw new DataError(`${path}: no metrics; name the folder that a run was told to write to`);
  return {
    steps: lines.filter((line): line is StepMetrics => "step" in line),
    epochs: lines.filter((line): line is EpochMetrics => !("step" in line)),
  };
}

/**
 * The fields that every line of a kind has. Files of other programs with only these fields can be read for comparison.
 */
const STEP = ["step", "epoch", "loss"] as const, EPOCH = ["epoch", "valTop1"] as const;

/** Throws Error if the line is of neither kind, or has a value that is not a number. */
function parseLine(line: unknown): StepMetrics | EpochMetrics {
  if (typeof line !== "object" || line === null) throw new Error(`it is ${excerpt(line)}, expected an object`);
  const fields = new Map(Object.entries(line));
  for (const key of new Set([...fields.has("step") ? STEP : EPOCH, ...fields.keys()])) {
    const value = fields.get(key);
    const isCount = key === "step" || key === "epoch";
    if (isCount ? Number.isSafeInteger(value) && value >= 0 : Number.isFinite(value)) continue;
    throw new Error(`${excerpt(key)} is ${excerpt(value)}, expected a number`);
  }
  return line as StepMetrics | EpochMetrics;
}

async function readLines(path: string): Promise<(StepMetrics | EpochMetrics)[]> {
  const text = await readText(path).catch((error) => {
    if (error.cause instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  return parseMetrics(text, path);
}

/**
 * Parses the lines of a text, up to its last line break. Messages contain `path`. Throws DataError if a line is
 * damaged.
 */
export function parseMetrics(text: string, path: string): (StepMetrics | EpochMetrics)[] {
  const lines: (StepMetrics | EpochMetrics)[] = [];
  // A line without a line break was being written when the run ended.
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    try {
      lines.push(parseLine(JSON.parse(line)));
    } catch (error) {
      throw new DataError(`${path}:${i + 1}: not a line of metrics: ${(error as Error).message}`);
    }
  }
  return lines;
}
