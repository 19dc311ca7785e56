/**
 * What a run writes down: metrics.jsonl, a line a step and a line an epoch.
 *
 * @module
 */

import { append, writeFile } from "../checkpoint/write/file.ts";
import { readText } from "../data/files/read.ts";
import { DataError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";

/** A step. */
export interface StepMetrics {
  /** From 0, over all epochs. */
  readonly step: number;
  /** From 0. */
  readonly epoch: number;
  /** Of the step's batch. */
  readonly loss: number;
  /** Learning rate. */
  readonly lr: number;
  /** Of the attentions. */
  readonly temperature: number;
}

/** An epoch: training figures as of each step's weights, validation figures as of its last. Accuracies in percent. */
export interface EpochMetrics {
  /** From 0. */
  readonly epoch: number;
  /** Mean training loss. */
  readonly trainLoss: number;
  /** Training top-1. */
  readonly trainTop1: number;
  /** Training top-5. */
  readonly trainTop5: number;
  /** Mean validation loss. */
  readonly valLoss: number;
  /** Validation top-1. */
  readonly valTop1: number;
  /** Validation top-5. */
  readonly valTop5: number;
  /** Of its last step. */
  readonly lr: number;
  /** Of its last step, and of the validation. */
  readonly temperature: number;
  /** Wall time, validation included. */
  readonly seconds: number;
  /** Broken images that others stood in for in training; left out if there were none. */
  readonly trainSkipped?: number;
  /** Broken images that validation left out; left out if there were none. */
  readonly valSkipped?: number;
}

/** The lines of a run so far, in memory and in its file. */
export class Metrics {
  /** Losses by step. */
  readonly steps: StepMetrics[] = [];
  /** Figures by epoch. */
  readonly epochs: EpochMetrics[] = [];
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens FOLDER/metrics.jsonl for a run of which so many steps and epochs are done: later lines, of steps that no
   * checkpoint knows of, are dropped. Throws DataError where an earlier line is damaged, or the disk full.
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

  /** Adds a line. Throws DataError where the disk is full. */
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

/** The lines of a run, from FOLDER/metrics.jsonl. Throws DataError where there are none, or one is damaged. */
export async function readMetrics(folder: string): Promise<{ steps: StepMetrics[]; epochs: EpochMetrics[] }> {
  const path = `${folder}/metrics.jsonl`;
  const lines = await readLines(path);
  if (!lines.length) throw new DataError(`${path}: no metrics; name the folder that a run was told to write to`);
  return {
    steps: lines.filter((line): line is StepMetrics => "step" in line),
    epochs: lines.filter((line): line is EpochMetrics => !("step" in line)),
  };
}

/** What every line of a kind has at least: other programs, which write less, are read for comparison. */
const STEP = ["step", "epoch", "loss"] as const, EPOCH = ["epoch", "valTop1"] as const;

/** Throws Error where it is neither, or holds anything but numbers. */
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

/** The lines of a text, up to its last line break; `path` is for messages. Throws DataError where one is damaged. */
export function parseMetrics(text: string, path: string): (StepMetrics | EpochMetrics)[] {
  const lines: (StepMetrics | EpochMetrics)[] = [];
  // What is behind the last line break was being written when the run ended.
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    try {
      lines.push(parseLine(JSON.parse(line)));
    } catch (error) {
      throw new DataError(`${path}:${i + 1}: not a line of metrics: ${(error as Error).message}`);
    }
  }
  return lines;
}
