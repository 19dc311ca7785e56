/**
 * A training run: epochs of steps, a checkpoint and a validation after each, and everything written down. A run that was
 * stopped and resumed makes the same steps as one that was not, to the last bit on the same device. What is done is saved
 * before anything that may fail: before the validation, and where an image turns out to be broken.
 *
 * @module
 */

import type { StateDict } from "../checkpoint/tensors/state_dict.ts";
import { writeFile } from "../checkpoint/write/file.ts";
import type { Dataset } from "../data/datasets/dataset.ts";
import { DecodePool } from "../data/pool/decode_pool.ts";
import { DataError, isDeviceError, TrainingError } from "../errors.ts";
import { topK } from "../evaluation/accuracy.ts";
import type { Backend } from "../graph/backend.ts";
import { loadLibrary } from "../plots/library.ts";
import type { Model } from "../models/model/model.ts";
import { CUSTOM } from "../models/architectures/registry.ts";
import { type Batch, epochBatches, stepSizes } from "./batches.ts";
import { averaged, type EpochSums, type RunState, saveCheckpoint, saveWeights } from "./checkpoint.ts";
import { drawCurves } from "./curve.ts";
import { setDropout } from "./dropout.ts";
import { firstNonFinite, firstNonFiniteParameter } from "./diagnose.ts";
import { isFrozen } from "./freeze.ts";
import { type EpochMetrics, Metrics, type StepMetrics } from "./metrics.ts";
import { completeRecipe, type Recipe, recipeOptimizer, stepSettings } from "./options.ts";
import { checkLabels, modelOfRun, trainingPreprocessing } from "./preparation.ts";
import { keepTensors } from "./kept_tensors.ts";
import { SafeState } from "./safe_state.ts";
import { type StepResult, Trainer, type TrainerOptions, TrainingMemory } from "./trainer.ts";
import { validate } from "./validate.ts";

/** What a run works with. */
export interface RunOptions {
  /** What is trained. It holds the last weights when the run ends. */
  readonly model: Model;
  /** How; what is left out is as in DEFAULT_RECIPE. */
  readonly recipe: Partial<Recipe>;
  /** What on. */
  readonly training: Dataset;
  /** What both are called by who began the run, for who resumes it. @default the name of `training` */
  readonly data?: string;
  /** What is measured after every epoch. */
  readonly validation: Dataset;
  /** Where. */
  readonly backend: Backend;
  /** Where metrics, curves and checkpoints are written; it exists. */
  readonly folder: string;
  /** Where an earlier run stopped, with its model. */
  readonly state?: RunState;
  /** Threads that prepare images; one a core, less one, if left out. */
  readonly workers?: number;
  /**
   * Goes on if an image is broken, and is told whenever one is met: the next image stands in for it in training, validation
   * leaves it out. If left out, the first broken image ends the run, which saves first.
   */
  readonly onBroken?: (error: DataError) => void;
  /** Aborted, the run finishes its step, saves and ends. */
  readonly signal?: AbortSignal;
  /** Called after every step; `inEpoch` counts from 1. */
  readonly onStep?: (step: StepMetrics, inEpoch: number, stepsPerEpoch: number) => void;
  /** Called where the device was lost and training goes back to the state before this step. */
  readonly onLost?: (step: number) => void;
  /** Called after every epoch. */
  readonly onEpoch?: (epoch: EpochMetrics, best: boolean) => void;
}

/** How a run ended. */
export interface RunOutcome {
  /** False where it was stopped before its last epoch ended. */
  readonly finished: boolean;
  /** Best top-1 of a validation, percent; 0 where there was none. */
  readonly best: number;
}

/** Milliseconds of work that a lost device or a killed program costs at most, but for long steps. */
const SAFE_EVERY = 10 * 60_000;

/** Devices lost without a state in between that is safe, after which the run ends. */
const MOST_LOSSES = 3;

const NOTHING: EpochSums = { images: 0, loss: 0, top1: 0, top5: 0, skipped: 0 };

/** What a recipe's steps are to a trainer. */
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
 * Runs a recipe to its end. Throws TrainingError where a number is not finite: what was saved before stays what
 * it is. Throws DataError where an image is broken, after the steps before it were saved, or the disk is full, and before
 * the first step where a label is no class of the model. Throws DeviceError where the device fails. Where it is lost, the
 * run goes on from the last state that was read back, which is at most ten minutes old.
 */
export async function runTraining(options: RunOptions): Promise<RunOutcome> {
  const { training, validation, model: { config, imageSize, network }, data = training.name } = options;
  for (const dataset of [training, validation]) checkLabels(dataset, config.numClasses);
  const recipe = completeRecipe(options.recipe, imageSize);
  // A network of one's own has the dropout that it was built with, unless the recipe says otherwise.
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
  /** Of devices, since that state. */
  #losses = 0;
  #sums: EpochSums;
  #best: number;
  /** Whether there is a checkpoint of this run. */
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
    // What draws the curve may have to be downloaded: that fails now, not after an epoch.
    await loadLibrary();
    await this.#openMetrics();
    // A run that was killed between the two files of its checkpoint has written the state only.
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

  /** Epochs whose steps are done. */
  get #trainedEpochs(): number {
    return Math.floor(this.#memory.updates / this.#sizes.length);
  }

  /** Whether all steps of an epoch are done and its validation is not, whose end forgets the sums. */
  get #waitsForValidation(): boolean {
    return this.#sums.images > 0 && this.#memory.updates % this.#sizes.length === 0;
  }

  /** The epoch that is to be gone on with: as many are done and validated. */
  get #epoch(): number {
    return this.#trainedEpochs - (this.#waitsForValidation ? 1 : 0);
  }

  async #openMetrics(): Promise<void> {
    this.#metrics?.close();
    this.#metrics = undefined;
    this.#metrics = await Metrics.open(this.#options.folder, this.#memory.updates, this.#epoch);
  }

  /** Remembers the state of the moment, which is synchronised, for {@link #goBack}. */
  #keepSafe(): void {
    this.#safe = new SafeState(this.#options.model, this.#memory, this.#sums);
    this.#safeSince = performance.now();
    this.#losses = 0;
  }

  /** Forgets everything since the last safe state: the device that held it was lost. */
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

  /** The steps of an epoch that are not done yet. Answers false if the run was told to stop before the last. */
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

  /** Batches; if an image of the next one is broken, the steps before it are saved before the error is thrown. */
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
    // Last of all: a run that is killed before this validates again, and writes the same.
    await this.#write("last");
    onEpoch?.(metrics, isBest);
  }

  /** The error of a broken image, with what to do about it. */
  #withAdvice({ message }: DataError): DataError {
    const { folder } = this.#options;
    const saved = this.#saved
      ? `what is done is saved: mend the file and go on with --resume ${folder}`
      : "mend the file";
    return new DataError(`${message} (${saved}; --skip-bad leaves out broken images)`);
  }

  /** A trainer for a step of so many images, which goes on from the last one. */
  async #trainerFor(images: number): Promise<Trainer> {
    const { model, backend, recipe } = this.#options;
    const batch = Math.min(images, recipe.microBatch);
    if (this.#trainer?.batch === batch) return this.#trainer;
    if (this.#trainer) {
      await this.#trainer.sync();
      this.#keepSafe();
    }
    this.#trainer?.dispose();
    // Forgotten first: what does not compile must not be disposed of twice.
    this.#trainer = undefined;
    return this.#trainer = await Trainer.create(model, backend, { ...trainerOptions(recipe), batch }, this.#memory);
  }

  /** Reads the weights back. Throws TrainingError where one is not finite: such weights are never saved. */
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

  /** Reads the state of the moment back, keeps it for {@link #goBack} and writes it. */
  async #save(): Promise<void> {
    await this.#sync();
    this.#keepSafe();
    await this.#write("last");
  }

  async #write(name: "last" | "best"): Promise<void> {
    const { folder, model, recipe, data, training } = this.#options;
    // The learning rate is that of the last step, in whichever epoch it was.
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

/** The sums with those of a step added. */
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

/** Runs with other tensors in the model, which holds its own again afterwards. */
async function withTensors<T>(model: Model, tensors: StateDict, run: () => Promise<T>): Promise<T> {
  const restore = keepTensors(model.network);
  model.loadStateDict(tensors);
  try {
    return await run();
  } finally {
    restore();
  }
}
