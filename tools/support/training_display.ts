/**
 * Shows the progress of a training run: one line per epoch on stdout, a bar of steps on stderr.
 *
 * @module
 */

import type { EpochMetrics, StepMetrics } from "../../src/training/metrics.ts";
import { type Progress, progress } from "./progress.ts";

/** Shows a run with this number of epochs and of images per step. */
export class TrainingDisplay {
  readonly #epochs: number;
  readonly #batch: number;
  #bar: Progress | undefined;
  #began = performance.now();
  #loss = 0;
  #steps = 0;

  /** Starts the next epoch. */
  constructor(epochs: number, batch: number) {
    this.#epochs = epochs;
    this.#batch = batch;
  }

  /** Draws a step. */
  step({ epoch, loss, lr, temperature }: StepMetrics, inEpoch: number, stepsPerEpoch: number): void {
    this.#bar ??= progress(`epoch ${epoch}/${this.#epochs}`, stepsPerEpoch);
    this.#loss += loss;
    this.#steps++;
    const speed = 1000 * this.#steps * this.#batch / (performance.now() - this.#began);
    const mean = (this.#loss / this.#steps).toFixed(4);
    const note = inEpoch === stepsPerEpoch
      ? `loss ${mean}, validating`
      : `loss ${loss.toFixed(4)} (mean ${mean}), lr ${short(lr)}, temperature ${short(temperature)}, ` +
        `${speed.toFixed(1)} images/s`;
    this.#bar.update(inEpoch, note);
  }

  /** Prints an epoch. */
  epoch(metrics: EpochMetrics, best: boolean): void {
    this.end();
    const figures = (loss: number, top1: number, top5: number) =>
      `loss ${loss.toFixed(4)}, top-1 ${top1.toFixed(2)}, top-5 ${top5.toFixed(2)}`;
    const { epoch, trainLoss, trainTop1, trainTop5, valLoss, valTop1, valTop5, lr, temperature, seconds } = metrics;
    const { trainSkipped = 0, valSkipped = 0 } = metrics;
    const skipped = trainSkipped + valSkipped > 0
      ? `, broken images: ${trainSkipped} replaced in training, ${valSkipped} left out of validation`
      : "";
    console.log(
      `epoch ${String(epoch).padStart(String(this.#epochs).length)}/${this.#epochs}` +
        `  train: ${figures(trainLoss, trainTop1, trainTop5)}  val: ${figures(valLoss, valTop1, valTop5)}` +
        `${best ? " *" : "  "}  lr ${short(lr)}, temperature ${short(temperature)}, ${seconds.toFixed(1)} s${skipped}`,
    );
    [this.#began, this.#loss, this.#steps] = [performance.now(), 0, 0];
  }

  /** Removes the bar from the screen. */
  end(): void {
    this.#bar?.end();
    this.#bar = undefined;
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
