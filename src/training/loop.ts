/**
 * A training run: epochs of steps, with a checkpoint and a validation after each epoch, and a log of everything. A run
 * that was stopped and resumed makes the same steps as an uninterrupted one, bit for bit on the same device. Progress
 * is saved before anything that may fail: before the validation, and if an image turns out to be broken.
 *
 * @module
 */

import type { StateDict } from "../checkpoint/tensors/state_dict.ts";
import { writeFile } from "../checkpoint/write/file.ts";
import { DecodePool } from "../data/pool/decode_pool.ts";
import { DataError, isDeviceError, TrainingError } from "../errors.ts";
import { topK } from "../evaluation/accuracy.ts";
import { loadLibrary } from "../plots/library.ts";
import type { Model } from "../models/model/model.ts";
import { CUSTOM } from "../models/architectures/registry.ts";
import { type Batch, epochBatches, stepSizes } from "./batches.ts";
import { averaged, type EpochSums, saveCheckpoint, saveWeights } from "./checkpoint.ts";
import { drawCurves } from "./curve.ts";
import { setDropout } from "./dropout.ts";
import { firstNonFinite, firstNonFiniteParameter } from "./diagnose.ts";
import { isFrozen } from "./freeze.ts";
import { type EpochMetrics, Metrics, type StepMetrics } from "./metrics.ts";
import { completeRecipe, type Recipe, recipeOptimizer, stepSettings } from "./options.ts";
import { checkLabels, modelOfRun, trainingPreprocessing } from "./preparation.ts";
import { keepTensors } from "./kept_tensors.ts";
import type { RunOptions, RunOutcome } from "./run_options.ts";
import { SafeState } from "./safe_state.ts";
import { type StepResult, Trainer, type TrainerOptions, TrainingMemory } from "./trainer.ts";
import { validate } from "./validate.ts";

/**
 * At most this many milliseconds of work are lost with a device or a killed program, apart from the length of a step.
 */
const SAFE_EVERY = 10 * 60_000;

/** The run ends if more devices than this are lost without a safe state in between. */
const MOST_LOSSES = 3;

const NOTHING: EpochSums = { images: 0, loss: 0, top1: 0, top5: 0, skipped: 0 };

/** Returns the trainer's options for a recipe. */
export function trainerOptions(recipe: Recipe): TrainerOptions {
  const { batch, microBatch, size, labelSmoothing, clipNorm, ema, freeze, seed } = recipe;
  return {
    batch: microBatch,
    inputShape: [3, size, size],
    optimizer: recipeOptimizer(recipe),
    labelSmoothing,
    clipNorm: clipNorm || undefined,
    averageDecay: ema || undefined,
    parts: microBatch < batch,
    trainable: (name) => !isFrozen(name, freeze),
    seed,
  };
}

/**
 * Runs a recipe to its end.
 *
 * If the device is lost, the run continues from the last state that was read back. That state is at most ten minutes
 * old.
 *
 * @throws {TrainingError} if a number is not finite. Earlier checkpoints stay as they are.
 * @throws {DataError} if an image is broken (after the steps before it were saved), if the disk is full, or, before the
 * first step, if a label is not a class of the model.
 * @throws {DeviceError} if the device fails.
 */
export async function runTraining(options: RunOptions): Promise<RunOutcome> {
  const { training, validation, model: { config, imageSize, network }, data = training.name } = options;
  for (const dataset of [training, validation]) checkLabels(dataset, config.numClasses);
  const recipe = completeRecipe(options.recipe, imageSize);
  // A custom network keeps the dropout that it was built with, unless the recipe sets one.
  if (config.arch !== CUSTOM || options.recipe.dropout !== undefined) setDropout(network, recipe.dropout);
  const run = new Run({ ...options, recipe, data });
  try {
    return await run.run();
  } finally {
    run.close();
  }
}

type WholeOptions = RunOptions & { readonly recipe: Recipe; readonly data: string };

class Run {
  readonly #options: WholeOptions;
  readonly #memory: TrainingMemory;
  readonly #pool: DecodePool;
  readonly #sizes: readonly number[];
  #trainer: Trainer | undefined;
  #metrics: Metrics | undefined;
  #safe: SafeState | undefined;
  #safeSince = 0;
  /** Devices lost since the last safe state. */
  #losses = 0;
  #sums: EpochSums;
  #best: number;
  /** True if this run has a checkpoint. */
  #saved: boolean;

  constructor(options: WholeOptions) {
    const { state, recipe, training, workers } = options;
    this.#options = { ...options, model: modelOfRun(options.model, training, recipe) };
    this.#memory = state?.memory ?? new TrainingMemory();
    this.#sums = state?.sums ?? NOTHING;
    this.#best = state?.best ?? 0;
    this.#saved = state !== undefined;
    this.#sizes = stepSizes(training.length, recipe.batch, recipe.microBatch);
    this.#pool = new DecodePool(workers);
  }

  async run(): Promise<RunOutcome> {
    const { folder, model, state } = this.#options;
    // The plotting library may have to be downloaded. Load it now, so that a failure does not cost an epoch.
    await loadLibrary();
    await this.#openMetrics();
    // A run that was killed between the two files of its checkpoint has written only the state.
    if (state) await saveWeights(folder, "last", model, state);
    this.#keepSafe();
    for (;;) {
      try {
        return await this.#runEpochs();
      } catch (error) {
        if (!isDeviceError(error, "lost") || ++this.#losses > MOST_LOSSES) throw error;
        await this.#goBack();
      }
    }
  }

  async #runEpochs(): Promise<RunOutcome> {
    const { recipe: { epochs }, signal } = this.#options;
    for (let epoch = this.#epoch; epoch < epochs; epoch++) {
      const began = performance.now();
      if (!this.#waitsForValidation) {
        const isDone = await this.#trainEpoch(epoch);
        await this.#save();
        if (!isDone || signal?.aborted) return { finished: false, best: this.#best };
      }
      await this.#validateEpoch(epoch, began);
      this.#keepSafe();
      if (signal?.aborted && epoch + 1 < epochs) return { finished: false, best: this.#best };
    }
    return { finished: true, best: this.#best };
  }

  /** Number of epochs whose steps are done. */
  get #trainedEpochs(): number {
    return Math.floor(this.#memory.updates / this.#sizes.length);
  }

  /** True if all steps of an epoch are done and its validation is not. The end of the validation resets the sums. */
  get #waitsForValidation(): boolean {
    return this.#sums.images > 0 && this.#memory.updates % this.#sizes.length === 0;
  }

  /** The epoch to continue with. It equals the number of epochs that are trained and validated. */
  get #epoch(): number {
    return this.#trainedEpochs - (this.#waitsForValidation ? 1 : 0);
  }

  async #openMetrics(): Promise<void> {
    this.#metrics?.close();
    this.#metrics = undefined;
    this.#metrics = await Metrics.open(this.#options.folder, this.#memory.updates, this.#epoch);
  }

  /** Keeps the current, synchronised state for {@link #goBack}. */
  #keepSafe(): void {
    this.#safe = new SafeState(this.#options.model, this.#memory, this.#sums);
    this.#safeSince = performance.now();
    this.#losses = 0;
  }

  /** Goes back to the last safe state after the device was lost. */
  async #goBack(): Promise<void> {
    this.#trainer?.dispose();
    this.#trainer = undefined;
    this.#safe!.restore();
    this.#sums = this.#safe!.sums;
    await this.#openMetrics();
    this.#options.onLost?.(this.#memory.updates);
  }

  close(): void {
    this.#metrics?.close();
    this.#trainer?.dispose();
    this.#pool.close();
  }

  /** Runs the remaining steps of an epoch. Returns false if the run was told to stop before the last step. */
  async #trainEpoch(epoch: number): Promise<boolean> {
    const { recipe, model, training, signal, onStep, onBroken } = this.#options;
    const stepsPerEpoch = this.#sizes.length;
    const start = this.#memory.updates - epoch * stepsPerEpoch;
    const batches = epochBatches(training, this.#pool, {
      ...recipe,
      epoch,
      start,
      sizes: this.#sizes,
      ...trainingPreprocessing(model, training, recipe),
      onBroken,
    });
    let step = start;
    for await (const batch of this.#savingFirst(batches)) {
      const settings = stepSettings(recipe, { epoch, step, stepsPerEpoch });
      const { learningRate: lr, temperature } = settings;
      const trainer = await this.#trainerFor(batch.labels.length);
      const number = this.#memory.updates;
      model.temperature = temperature;
      const result = await trainer.step({ x: batch.x, labels: batch.labels }, settings);
      if (result.failed) throw await this.#failure(trainer, number, result);
      this.#sums = addTo(this.#sums, batch, result);
      const line: StepMetrics = { step: number, epoch, loss: result.loss, lr, temperature };
      await this.#metrics!.add(line);
      step++;
      onStep?.(line, step, stepsPerEpoch);
      if (signal?.aborted && step < stepsPerEpoch) return false;
      if (performance.now() - this.#safeSince > SAFE_EVERY && step < stepsPerEpoch) await this.#save();
    }
    return true;
  }

  /**
   * Yields the batches. If an image of the next batch is broken, the steps before it are saved before the error is
   * thrown.
   */
  async *#savingFirst(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
    const began = this.#memory.updates;
    try {
      yield* batches;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      if (this.#memory.updates > began) await this.#save();
      throw this.#withAdvice(error);
    }
  }

  async #validateEpoch(epoch: number, began: number): Promise<void> {
    const { recipe, model, validation, backend, onEpoch, onBroken } = this.#options;
    const stepsPerEpoch = this.#sizes.length;
    const { learningRate: lr, temperature } = stepSettings(recipe, { epoch, step: stepsPerEpoch - 1, stepsPerEpoch });
    model.temperature = temperature;
    const measured = () => validate(model, validation, backend, this.#pool, { batch: recipe.microBatch, onBroken });
    const { loss, top1, top5, skipped } = await withTensors(
      model,
      averaged(model, this.#memory),
      measured,
    ).catch((error) => {
      throw error instanceof DataError ? this.#withAdvice(error) : error;
    });
    const { images, ...sums } = this.#sums;
    const metrics: EpochMetrics = {
      epoch,
      trainLoss: sums.loss / images,
      trainTop1: 100 * sums.top1 / images,
      trainTop5: 100 * sums.top5 / images,
      valLoss: loss,
      valTop1: top1,
      valTop5: top5,
      lr,
      temperature,
      seconds: (performance.now() - began) / 1000,
      ...(sums.skipped > 0 && { trainSkipped: sums.skipped }),
      ...(skipped > 0 && { valSkipped: skipped }),
    };
    await this.#metrics!.add(metrics);
    this.#sums = NOTHING;
    const isBest = this.#metrics!.epochs.length === 1 || top1 > this.#best;
    this.#best = Math.max(this.#best, top1);
    await this.#draw();
    if (isBest) await this.#write("best");
    // Written last: a run that is killed before this point validates again and writes the same files.
    await this.#write("last");
    onEpoch?.(metrics, isBest);
  }

  /** Returns the error of a broken image, with advice in its message. */
  #withAdvice({ message }: DataError): DataError {
    const { folder } = this.#options;
    const saved = this.#saved
      ? `what is done is saved: mend the file and go on with --resume ${folder}`
      : "mend the file";
    return new DataError(`${message} (${saved}; --skip-bad leaves out broken images)`);
  }

  /** Returns a trainer for a step with this many images. It continues from the previous trainer. */
  async #trainerFor(images: number): Promise<Trainer> {
    const { model, backend, recipe } = this.#options;
    const batch = Math.min(images, recipe.microBatch);
    if (this.#trainer?.batch === batch) return this.#trainer;
    if (this.#trainer) {
      await this.#trainer.sync();
      this.#keepSafe();
    }
    this.#trainer?.dispose();
    // Cleared first: if compilation fails, the old trainer must not be disposed of twice.
    this.#trainer = undefined;
    return this.#trainer = await Trainer.create(model, backend, { ...trainerOptions(recipe), batch }, this.#memory);
  }

  /** Reads the weights back. Throws TrainingError if one is not finite, so such weights are never saved. */
  async #sync(): Promise<void> {
    await this.#trainer?.sync();
    const bad = await firstNonFiniteParameter(this.#options.model);
    if (!bad) return;
    throw new TrainingError(
      `after step ${this.#memory.updates - 1} ${bad} is not finite; ${this.#advice()}`,
    );
  }

  async #failure(trainer: Trainer, step: number, { loss, failed }: StepResult): Promise<TrainingError> {
    const { model, backend, recipe } = this.#options;
    await trainer.sync();
    const { batch } = trainer;
    const where = await firstNonFinite(model, backend, { ...trainerOptions(recipe), batch }, failed!);
    return new TrainingError(
      `step ${step} has a loss of ${loss}; the first tensor that is not finite is ${where ?? "the loss itself"}; ` +
        this.#advice(),
    );
  }

  #advice(): string {
    const { folder } = this.#options;
    const saved = this.#saved ? `${folder}/last.safetensors is as it was, ` : "";
    return `${saved}a lower --lr, --warmup or --clip-norm may help`;
  }

  /** Reads the current state back, keeps it for {@link #goBack} and writes a checkpoint. */
  async #save(): Promise<void> {
    await this.#sync();
    this.#keepSafe();
    await this.#write("last");
  }

  async #write(name: "last" | "best"): Promise<void> {
    const { folder, model, recipe, data, training } = this.#options;
    // The learning rate is that of the last step, which may be in an earlier epoch.
    const [last, stepsPerEpoch] = [this.#memory.updates - 1, this.#sizes.length];
    const position = { epoch: Math.floor(last / stepsPerEpoch), step: last % stepsPerEpoch, stepsPerEpoch };
    const { learningRate } = stepSettings(recipe, position);
    await saveCheckpoint(folder, name, model, {
      recipe,
      memory: this.#memory,
      epoch: this.#trainedEpochs,
      learningRate,
      best: this.#best,
      sums: this.#sums,
      data,
      trainingImages: training.length,
    });
    this.#saved = true;
  }

  async #draw(): Promise<void> {
    const { folder, model: { config: { arch, kernelNum } } } = this.#options;
    const { steps, epochs } = this.#metrics!;
    const svg = await drawCurves(steps, epochs, `${arch}, kernel_num ${kernelNum}`);
    await writeFile(`${folder}/curve.svg`, (write) => write(new TextEncoder().encode(svg)), DataError);
  }
}

/** Returns the sums with the results of a step added. */
function addTo(sums: EpochSums, { labels, replaced }: Batch, { loss, outputs: { logits } }: StepResult): EpochSums {
  const classes = logits.length / labels.length;
  const places = [...labels].map((label, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return topK(row, 5).findIndex((score) => score.class === label);
  });
  return {
    images: sums.images + labels.length,
    skipped: sums.skipped + replaced,
    loss: sums.loss + loss * labels.length,
    top1: sums.top1 + places.filter((place) => place === 0).length,
    top5: sums.top5 + places.filter((place) => place >= 0).length,
  };
}

/** Runs with other tensors in the model, then restores the model's own tensors. */
async function withTensors<T>(model: Model, tensors: StateDict, run: () => Promise<T>): Promise<T> {
  const restore = keepTensors(model.network);
  model.loadStateDict(tensors);
  try {
    return await run();
  } finally {
    restore();
  }
}
