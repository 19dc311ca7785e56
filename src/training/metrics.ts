/**
 * What a run writes down: metrics.jsonl, a line a step and a line an epoch.
 *
 * @module
 */

import { DataError } from "../errors.ts";

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
}

/** The lines of a run so far, in memory and in its file. */
export class Metrics {
  /** Losses by step. */
  readonly steps: StepMetrics[] = [];
  /** Figures by epoch. */
  readonly epochs: EpochMetrics[] = [];
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Opens FOLDER/metrics.jsonl for a run of which so many steps and epochs are done: later lines, of steps that no
   * checkpoint knows of, are dropped. Throws DataError where an earlier line is damaged.
   */
  static async open(folder: string, steps: number, epochs: number): Promise<Metrics> {
    const path = `${folder}/metrics.jsonl`;
    const before = steps > 0 ? await readLines(path) : [];
    const kept = before.filter((line) => "step" in line ? line.step < steps : line.epoch < epochs);
    await Deno.writeTextFile(`${path}.part`, kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
    await Deno.rename(`${path}.part`, path);
    const metrics = new Metrics(await Deno.open(path, { append: true }));
    for (const line of kept) metrics.#remember(line);
    return metrics;
  }

  /** Adds a line. */
  async add(line: StepMetrics | EpochMetrics): Promise<void> {
    this.#remember(line);
    const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
    for (let done = 0; done < bytes.length;) done += await this.#file.write(bytes.subarray(done));
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

async function readLines(path: string): Promise<(StepMetrics | EpochMetrics)[]> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  const lines: (StepMetrics | EpochMetrics)[] = [];
  // What is behind the last line break was being written when the run ended.
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    try {
      const parsed = JSON.parse(line);
      if (typeof parsed.epoch !== "number") throw new Error("it names no epoch");
      lines.push(parsed);
    } catch (error) {
      throw new DataError(`${path}:${i + 1}: not a line of metrics: ${(error as Error).message}`);
    }
  }
  return lines;
}
