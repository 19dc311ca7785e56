/**
 * `deno task train`: trains a network from initial weights or from a file.
 *
 * @module
 */

import { writeFile } from "../src/checkpoint/write/file.ts";
import type { ModelClasses } from "../src/data/labels/class_numbers.ts";
import type { Dataset } from "../src/data/datasets/dataset.ts";
import { readBytes } from "../src/data/files/read.ts";
import { brokenFiles, lookOver } from "../src/data/datasets/look_over.ts";
import { DataError, isDeviceError, TrainingError } from "../src/errors.ts";
import { createModel, type Model } from "../src/models/model/model.ts";
import type { ModelConfig } from "../src/models/architectures/registry.ts";
import { loadCheckpoint, type RunState } from "../src/training/checkpoint.ts";
import { finetuned } from "../src/models/finetuned.ts";
import { checkFrozen } from "../src/training/freeze.ts";
import { runTraining } from "../src/training/loop.ts";
import type { RunOptions } from "../src/training/run_options.ts";
import type { Recipe } from "../src/training/options.ts";
import { checkClasses } from "../src/training/preparation.ts";
import { type Command, execute, MOST_WORKERS, positiveNumber, UsageError, wholeNumber } from "./support/command.ts";
import { DEVICE_BOOLEANS, DEVICE_STRINGS, type DeviceFlags, openDeviceOf, parseDeviceFlags } from "./support/device.ts";
import { loadWeights } from "./support/load_weights.ts";
import { checkResumed, completeRecipe, parseRecipeFlags, RECIPE_STRINGS } from "./support/recipe_flags.ts";
import { classesOf, printDataNotes } from "./support/data_notes.ts";
import { printable } from "./support/printable.ts";
import { yellow } from "./support/style.ts";
import { openTrainingData } from "./support/training_data.ts";
import { TrainingDisplay } from "./support/training_display.ts";
import { checkMemory, describeMemory, doesNotFit } from "./support/training_memory.ts";
import { findWeights } from "./support/weights.ts";

const HELP = `
Usage: deno task train --arch NAME --data DIR|cifar10 --out DIR [options]
       deno task train --resume DIR

Trains a network with the recipe of the paper. Options and defaults are the published training script's, where it has them.

What:
  --arch NAME            od_resnet18, od_mobilenetv2_100, od_resnet20, resnet50, ...
  --kernel-num N         kernels an ODConv layer mixes (default: 1)
  --reduction R          width of the attention branches (default: 0.0625)
  --finetune WEIGHTS     begin with these weights (a name in weights/ or a file); the classifier begins anew where the
                         number of classes is another. --arch and the like come from them
  --data DIR             holds train/ and val/, each with class folders of images; or the PNG sheets of CIFAR-10
  --data cifar10         CIFAR-10, downloaded once
  --labels FILE          of the folders in train/ and val/: JSON, {"folder": class, ...}, if the order of their names does not
                         say their classes
  --num-classes N        classes that the network tells apart (default: as many as the data has)
  --size N               height and width of the images (default: the architecture's, 224 or 32)
  --augment WORD         standard: random crops and mirror images, as torchvision's; none: the shorter side resized to
                         --size, the middle cut out (default: standard)
How:
  --epochs N             passes over the images (default: 100)
  --batch N              images a step (default: 256)
  --micro-batch N        images on the device at a time, a divisor of --batch; gradients add up (default: --batch)
  --optimizer WORD       sgd or adamw (default: sgd)
  --lr X                 initial learning rate (default: 0.1)
  --lr-decay WORD        schedule: times --gamma at the epochs of --schedule; cos: half a cosine; none (default: schedule)
  --schedule N,N,...     epochs (default: 30,60,90)
  --gamma X              (default: 0.1)
  --warmup N             epochs of linear growth of the learning rate (default: 0)
  --momentum X           of SGD (default: 0.9)
  --nesterov             Nesterov's momentum
  --wd X                 weight decay (default: 1e-4)
  --dropout P            before the classifier (default: 0)
  --label-smoothing S    (default: 0)
  --clip-norm X          largest joint norm of the gradients; 0 does not clip (default: 0)
  --ema X                decay of a moving average of the weights, which is then what is validated and saved (default: 0,
                         none)
  --temp-epoch N         epochs of annealing of the attentions' temperature; 0 keeps it at 1 (default: 10)
  --temp-init X          where it starts (default: 30)
  --freeze NAME,NAME,... layers and parameters that are not trained; * stands for any characters: conv1,layer1,*.fc
  --seed N               of weights, order, crops and dropout (default: 0)
  --no-shuffle           every epoch in the data set's order
Where:
  --out DIR              metrics.jsonl, curve.svg, last.safetensors and best.safetensors, and their states
  --resume DIR           go on with the run in DIR, with its own options
  --device NAME          auto, webgpu or cpu (default: auto, the faster of the two)
  --tune                 measure which WebGPU kernels are fastest for this network and keep it for later runs
  --tuning FILE          where that is kept (default: .odconv/tuning.json, which is read if it is there)
  --skip-bad             go on without broken images and name them: in training the next image stands in for a broken one,
                         validation leaves it out. If left out, the first broken image ends the run, which saves first
  --workers N            threads that prepare images (default: one a core, less one)
  --dry-run              print the memory that a step needs, and end
  -h, --help             this text
  --verbose              the stack of an error

Ctrl-C finishes the step, saves and ends; --resume then ends with the weights of a run that was never stopped.

Examples:
  deno task train --arch od_resnet20 --kernel-num 4 --data cifar10 --batch 128 --epochs 30 --lr-decay cos --out runs/1
  deno task train --finetune od_resnet50_4x --data flowers --lr 0.01 --epochs 20 --lr-decay cos --temp-epoch 0 --out runs/2
  deno task train --arch od_resnet50 --kernel-num 4 --data imagenet --micro-batch 32 --out runs/3 --dry-run
`;

const OWN_STRINGS = [
  "arch",
  "kernel-num",
  "reduction",
  "finetune",
  "data",
  "labels",
  "num-classes",
  "out",
  "resume",
  "workers",
  ...DEVICE_STRINGS,
] as const;

const BOOLEANS = ["no-shuffle", "nesterov", "dry-run", "skip-bad", ...DEVICE_BOOLEANS] as const;

/** The command line. */
export const command: Command<string, typeof BOOLEANS[number]> = {
  name: "train",
  help: HELP,
  string: [...OWN_STRINGS, ...RECIPE_STRINGS],
  boolean: BOOLEANS,
  async run(args) {
    const dryRun = args["dry-run"];
    const given = parseRecipeFlags(args, { nesterov: args.nesterov, noShuffle: args["no-shuffle"] }, args._);
    const asked = askedModel(args);
    const device = parseDeviceFlags(args);
    const workers = wholeNumber("workers", args.workers, 1, MOST_WORKERS);
    if (args.resume && args.finetune) throw new UsageError("--resume and --finetune exclude each other");
    if (!args.resume && !args.arch && !args.finetune) throw new UsageError("--arch, --finetune or --resume is needed");
    if (!args.resume && !args.data && !dryRun) throw new UsageError("--data is needed: a folder with train/ and val/");
    const folder = args.out ?? args.resume;
    if (!folder && !dryRun) throw new UsageError("--out is needed: a folder for checkpoints and metrics");

    const earlier = args.resume ? await loadCheckpoint(args.resume) : undefined;
    if (earlier) {
      checkResumed({ ...asked, ...given }, { ...earlier.model.config, ...earlier.state.recipe }, args.resume!);
    }
    const data = args.data ?? earlier?.state.data;
    const source = earlier?.model ?? (args.finetune ? await loadWeights(await findWeights(args.finetune)) : undefined);
    const classes = classesFor(source, earlier !== undefined, asked.numClasses);
    const sets = data ? await openTrainingData(data, { labels: args.labels, model: classes }) : undefined;
    try {
      if (sets) printDataNotes(sets.training, sets.validation);
      const numClasses = asked.numClasses ?? sets?.training.numClasses;
      const model = earlier?.model ?? initialModel({ ...asked, numClasses }, source);
      const recipe = earlier?.state.recipe ?? completeRecipe(given, model.imageSize);
      checkFrozen(model, recipe.freeze);
      const { arch, kernelNum } = model.config;
      console.log(`model    ${arch}, kernel_num ${kernelNum}, ${model.config.numClasses} classes`);
      if (sets) {
        checkClasses(sets.training, sets.validation, model.config.numClasses);
        console.log(`data     ${describe(sets.training)}; ${describe(sets.validation)}`);
      }
      if (dryRun) return console.log(await describeMemory(model, recipe, device.device));
      const onBroken = args["skip-bad"] ? namesOnce() : undefined;
      for (const set of [sets!.training, sets!.validation]) await lookOverFiles(set, onBroken);
      await prepareFolder(folder!, args.resume, earlier?.state, sets!.training);
      const state = earlier?.state;
      await train({ model, recipe, ...sets!, data: data!, folder: folder!, state, workers, onBroken }, device);
    } finally {
      sets?.training.close();
      sets?.validation.close();
    }
  },
};

function describe({ name, length }: Dataset): string {
  return `${name}, ${length} images`;
}

/** Returns the model options that flags give. */
function askedModel(args: Readonly<Record<string, unknown>>): Partial<ModelConfig> {
  const text = (flag: string) => args[flag] as string | undefined;
  const asked = {
    arch: text("arch"),
    kernelNum: wholeNumber("kernel-num", text("kernel-num")),
    reduction: positiveNumber("reduction", text("reduction")),
    numClasses: wholeNumber("num-classes", text("num-classes")),
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

function initialModel(asked: Partial<ModelConfig>, source: Model | undefined): Model {
  return source ? finetuned(source, asked) : createModel({ ...asked, arch: asked.arch! });
}

/** Returns what the folders' classes must match; undefined if the model is made for them. */
function classesFor(
  source: Model | undefined,
  isResumed: boolean,
  asked: number | undefined,
): ModelClasses | undefined {
  if (asked !== undefined && !isResumed) return { numClasses: asked };
  return source && { ...classesOf(source), adapts: !isResumed };
}

/** Reports each broken image only once, although it is read again in every epoch. */
function namesOnce(): (error: Error) => void {
  const named = new Set<string>();
  return ({ message }) => {
    if (!named.has(message)) console.error(yellow(`skipped: ${printable(message)}`));
    named.add(message);
  };
}

/** Checks a data set's files before the work. Throws DataError if some are not images and there is no `onBroken`. */
async function lookOverFiles(set: Dataset, onBroken: ((error: Error) => void) | undefined): Promise<void> {
  const { files, broken } = await lookOver(set);
  if (!files) return;
  if (!onBroken && broken.length) throw brokenFiles(set, broken);
  broken.forEach((error) => onBroken!(error));
  const good = broken.length ? `${files - broken.length} of ${files} files` : `${files} files`;
  const all = files < set.length ? ` (of ${set.length}, evenly spread)` : "";
  console.log(`checked  ${set.name}: ${good}${all} can be opened and begin as images do`);
}

/** Creates the folder of a run. Throws TrainingError if it contains another run or if the data is not the run's. */
async function prepareFolder(
  folder: string,
  resumed: string | undefined,
  state: RunState | undefined,
  training: Dataset,
): Promise<void> {
  if (state && state.trainingImages !== training.length) {
    throw new TrainingError(
      `the run in ${resumed} trains on ${state.trainingImages} images, ${training.name} has ${training.length}: it cannot ` +
        "go on with other data; begin a new run with --finetune",
    );
  }
  await makeFolder(folder);
  if (folder === resumed) return;
  if (await exists(`${folder}/last.state.safetensors`)) {
    throw new TrainingError(
      `${folder} holds a run already: go on with it (--resume ${folder}), or name another folder with --out`,
    );
  }
  if (resumed && await exists(`${resumed}/metrics.jsonl`)) {
    const metrics = await readBytes(`${resumed}/metrics.jsonl`);
    await writeFile(`${folder}/metrics.jsonl`, (write) => write(metrics), DataError);
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new DataError(`--out ${folder}: cannot be made a folder: ${(error as Error).message}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function train(
  options: Omit<RunOptions, "backend" | "signal" | "onStep" | "onEpoch"> & { readonly recipe: Recipe },
  flags: DeviceFlags,
): Promise<void> {
  const { model, recipe, folder } = options;
  const backend = await openDeviceOf(flags, { work: "training" });
  const display = new TrainingDisplay(recipe.epochs, recipe.batch);
  const stop = stopOnSignals();
  try {
    console.log(`device   ${backend.name}: ${backend.description}`);
    console.log(await checkMemory(model, recipe, backend));
    const { finished, best } = await runTraining({
      ...options,
      backend,
      signal: stop.signal,
      onBroken: options.onBroken && ((error) => {
        display.end();
        options.onBroken!(error);
      }),
      onStep: (...step) => display.step(...step),
      onEpoch: (...epoch) => display.epoch(...epoch),
      onLost(step) {
        display.end();
        console.error(yellow(`going on from step ${step}`));
      },
    }).catch(async (error) => {
      if (!isDeviceError(error, "too large")) throw error;
      display.end();
      throw await doesNotFit(model, recipe, backend, error);
    });
    display.end();
    if (finished) console.log(`best     top-1 ${best.toFixed(2)} %: ${folder}/best.safetensors`);
    else console.log(`stopped and saved; go on with: deno task train --resume ${folder}`);
  } finally {
    display.end();
    stop.end();
    backend.dispose();
  }
}

/** Ctrl-C asks the run to stop. A second Ctrl-C ends the process at once. */
function stopOnSignals(): { readonly signal: AbortSignal; end(): void } {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) Deno.exit(130);
    console.error(yellow("\nfinishing the step, then saving; once more ends at once, without saving"));
    controller.abort();
  };
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  return {
    signal: controller.signal,
    end() {
      for (const signal of signals) Deno.removeSignalListener(signal, stop);
    },
  };
}

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
