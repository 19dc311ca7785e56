/**
 * `deno task eval`: measures a model's accuracy on a data set.
 *
 * @module
 */

import { openCheckpoint } from "../src/checkpoint/open.ts";
import { CIFAR10_NAMES } from "../src/data/labels/cifar10_names.ts";
import { openDataset } from "../src/data/datasets/open.ts";
import { brokenFiles, lookOver } from "../src/data/datasets/look_over.ts";
import { DataError } from "../src/errors.ts";
import { accuracy, type Prediction } from "../src/evaluation/accuracy.ts";
import { LogitsRecorder } from "../src/evaluation/logits_file.ts";
import { chosenImages, measure, usualBatch } from "../src/evaluation/measure.ts";
import { writeReport } from "../src/evaluation/report_file.ts";
import type { Shard } from "../src/evaluation/shard.ts";
import type { Backend } from "../src/graph/backend.ts";
import type { Model } from "../src/models/model/model.ts";
import { REGISTRY } from "../src/models/architectures/registry.ts";
import { type Command, execute, MOST_WORKERS, UsageError, wholeNumber } from "./support/command.ts";
import { CONFIG_HELP, CONFIG_STRINGS, parseConfigFlags } from "./support/config_flags.ts";
import {
  DEVICE_BOOLEANS,
  INFERENCE_HELP,
  INFERENCE_STRINGS,
  openDeviceOf,
  parseDeviceFlags,
} from "./support/device.ts";
import { classesOf, printDataNotes } from "./support/data_notes.ts";
import { describeImages } from "./support/inference_rows.ts";
import { loadWeights } from "./support/load_weights.ts";
import { checkFolderOf } from "./support/output.ts";
import { printable } from "./support/printable.ts";
import { PROFILE_BOOLEANS, PROFILE_HELP, PROFILE_STRINGS, profileGraph } from "./support/profile.ts";
import { progress } from "./support/progress.ts";
import { yellow } from "./support/style.ts";
import { printSummary } from "./support/summary.ts";
import { findWeights } from "./support/weights.ts";

const HELP = `
Usage: deno task eval --weights NAME|FILE [--data DIR|TAR|cifar10] [options]

Measures top-1 and top-5 accuracy and the cross-entropy loss, with torchvision's preprocessing bit for bit: the shorter side
resized, the middle cut out, by what the weights' file says of its images.

Options:
  --weights NAME|FILE   weights/NAME.safetensors, the one weights/NAME_*.safetensors, or a checkpoint file
  --data DIR            class folders of images, as torchvision's ImageFolder reads them. A folder with the name of one of
                        the model's classes is that class; WordNet ids have ILSVRC's numbers where the model has 1000
                        classes; else the order of the names decides
  --data FILE.tar       the ILSVRC2012 validation archive, with --ground-truth
  --data cifar10        the CIFAR-10 test images; what CIFAR-10 models are evaluated on if --data is left out
  --labels FILE         of folders: JSON, {"folder": class, ...}, where their names don't say their classes
  --ground-truth FILE   of the archive: lines of "NAME CLASS" or "NAME WNID", by spaces or as CSV, with or without a header;
                        Kaggle's LOC_val_solution.csv; an .lst of MXNet; the development kit's numbers alone or
                        WNID alone, in the order of the sorted names
  --batch N             images at a time (default: 128 of 32x32; of 224x224 16 on WebGPU, 4 on the CPU; by their pixels)
${INFERENCE_HELP}
${PROFILE_HELP}
  --workers N           threads that decode images and, on the CPU, run the model (default: one a core)
  --limit N             only the first N images
  --shard I/N           only the I-th of N equal parts, from 1; "deno task merge" joins their reports
  --report FILE.json    write figures and predictions; until then FILE.json.journal keeps what is done, and the same
                        command goes on from there if it was interrupted
  --logits FILE         write "logits" [images, classes] and "labels" [images] as safetensors; without --report,
                        FILE.journal keeps what is done
  --skip-bad            leave out broken images and list them; otherwise the first one ends the run, which prints the
                        figures so far
  -h, --help            this text
  --verbose             the stack of an error
${CONFIG_HELP}

Examples:
  deno task eval --weights od_resnet20_cifar10
  deno task eval --weights od_resnet50.safetensors --data imagenet/val --report report.json
  deno task eval --weights od_resnet50.safetensors --data ILSVRC2012_img_val.tar --ground-truth val.txt --limit 1000
  deno task eval --weights od_resnet50.safetensors --data imagenet/val --limit 100 --tune --profile
`;

const STRINGS = [
  "weights",
  "data",
  "labels",
  "ground-truth",
  "batch",
  "workers",
  "limit",
  "shard",
  "report",
  "logits",
  ...CONFIG_STRINGS,
  ...INFERENCE_STRINGS,
  ...PROFILE_STRINGS,
] as const;

const BOOLEANS = ["skip-bad", ...DEVICE_BOOLEANS, ...PROFILE_BOOLEANS] as const;

/** The command line. */
export const command: Command<typeof STRINGS[number], typeof BOOLEANS[number]> = {
  name: "eval",
  help: HELP,
  string: STRINGS,
  boolean: BOOLEANS,
  async run(args) {
    const labels = labelsOf(args);
    if (args._.length) throw new UsageError(`"${args._[0]}" belongs to no option`);
    const device = parseDeviceFlags(args);
    const workers = wholeNumber("workers", args.workers, 1, MOST_WORKERS) ?? navigator.hardwareConcurrency;
    const batch = wholeNumber("batch", args.batch);
    const limit = wholeNumber("limit", args.limit);
    const shard = parseShard(args.shard);
    for (const path of [args.report, args.logits, args.trace]) await checkFolderOf(path);

    const configure = await parseConfigFlags(args);
    const path = await findWeights(args.weights);
    const model = configure(await loadWeights(path));
    const dataset = await openDataset(args.data ?? usualData(model), { labels, model: classesOf(model) });
    printDataNotes(dataset);
    const { start, end } = chosenImages(dataset, { limit, shard });
    if (!args["skip-bad"]) {
      const { broken } = await lookOver(dataset, { start, end });
      if (broken.length) throw brokenFiles(dataset, broken);
    }
    const backend = await openDeviceOf(device, { workers });
    console.log(`model    ${describe(model)}`);
    console.log(`weights  ${path}`);
    console.log(`images   ${describeImages(model.inference)}`);
    console.log(`device   ${backend.name}: ${backend.description}`);
    console.log(`data     ${dataset.name}, ${end - start} of ${dataset.length} images`);

    const logits = args.logits ? new LogitsRecorder(end - start, model.config.numClasses) : undefined;
    const bar = progress("evaluating", end - start);
    const began = performance.now();
    const kept = args.report ?? args.logits;
    const journal = kept && `${kept}.journal`;
    const done: Prediction[] = [];
    let resumed = 0;
    const speed = (done: number) => `${(1000 * (done - resumed) / (performance.now() - began)).toFixed(1)} images/s`;
    const skip = (error: Error) => {
      bar.end();
      console.error(yellow(`skipped: ${printable(error.message)}`));
    };
    const refuse = (cause: Error) => {
      throw new DataError(`${cause.message} (--skip-bad leaves out broken images)`, { cause });
    };
    try {
      const report = await measure(model, dataset, backend, {
        weights: { path, sha256: await hash(path) },
        batch,
        workers,
        limit,
        shard,
        onBroken: args["skip-bad"] ? skip : refuse,
        onProgress: (done) => bar.update(done, speed(done)),
        onPredictions: (predictions) => predictions.forEach((prediction) => done.push(prediction)),
        journal,
        onSplit(images, { message }) {
          bar.end();
          console.error(yellow(`running ${images} images at a time, as more do not fit: ${message}`));
        },
        onResume(images) {
          resumed = images;
          console.log(`resumed  ${images} images are done already, by ${journal}`);
        },
        onLogits: logits && ((row, label) => logits.add(row, label)),
      }).catch((error) => {
        bar.end();
        if (done.length) console.log(soFar(done, journal));
        throw error;
      });
      bar.end();
      // Printed before anything is written, so that a full disk does not lose the figures.
      printSummary(report);
      if (args.report) await writeReport(args.report, report);
      if (args.logits) await logits!.write(args.logits, { model: report.model, weights_sha256: report.weights.sha256 });
      // Removed last: until here, the next run can resume from the journal.
      if (journal) await Deno.remove(journal);
      if (args.profile || args.trace) {
        await profile(model, backend, Math.min(batch ?? usualBatch(model, backend), end - start), args.trace);
      }
    } finally {
      bar.end();
      backend.dispose();
      dataset.close();
    }
  },
};

/** Summarizes what was evaluated before an error. */
function soFar(done: readonly Prediction[], journal: string | undefined): string {
  const { top1, top5, loss } = accuracy(done);
  const figures = `top-1 ${top1.toFixed(2)} %, top-5 ${top5.toFixed(2)} %, loss ${loss.toFixed(4)}`;
  const kept = journal ? `kept in ${journal}: the same command goes on from there` : "--report FILE keeps what is done";
  return `stopped  after ${done.length} images: ${figures} (${kept})`;
}

/** Profiles one run of a batch. */
async function profile(model: Model, backend: Backend, batch: number, trace?: string): Promise<void> {
  await profileGraph(backend, model.graph({ batch }), { name: `${model.config.arch} batch ${batch}`, trace });
}

/** Returns the file of class labels, if it suits the data. Throws UsageError if it does not. */
function labelsOf(args: { data?: string; labels?: string; "ground-truth"?: string }): string | undefined {
  const isArchive = /\.tar$/i.test(args.data ?? "");
  if (args.data === "cifar10" && args.labels !== undefined) {
    throw new UsageError("--labels is for folders; CIFAR-10 has its own classes");
  }
  const wrong = isArchive ? args.labels : args["ground-truth"];
  if (wrong !== undefined) throw new UsageError("--labels is for folders, --ground-truth for archives (.tar)");
  if (isArchive && args["ground-truth"] === undefined) {
    throw new UsageError(
      "--ground-truth is needed: the development kit's data/ILSVRC2012_validation_ground_truth.txt, or a file with one " +
        "WordNet id (n########) an image",
    );
  }
  return isArchive ? args["ground-truth"] : args.labels;
}

function parseShard(value: string | undefined): Shard | undefined {
  if (value === undefined) return undefined;
  const [index, count] = value.match(/^\d+\/\d+$/) ? value.split("/").map(Number) : [0, 0];
  if (index < 1 || index > count) throw new UsageError(`--shard takes I/N, from 1/N to N/N, not "${value}"`);
  return { index, count };
}

/** Returns the default data set of a model. Throws UsageError if there is none. */
function usualData(model: Model): string {
  if (model.classNames?.join("\n") === CIFAR10_NAMES.join("\n")) return "cifar10";
  throw new UsageError(
    "--data is needed: a folder of class folders of images, ILSVRC2012_img_val.tar with --ground-truth, or cifar10",
  );
}

function describe({ config: { arch, kernelNum, numClasses } }: Model): string {
  return `${arch}${
    "kernelNum" in REGISTRY.get(arch)!.layer.options ? `, kernel_num ${kernelNum}` : ""
  }, ${numClasses} classes`;
}

async function hash(path: string): Promise<string> {
  const checkpoint = await openCheckpoint(path);
  try {
    return await checkpoint.sha256();
  } finally {
    checkpoint.close();
  }
}

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
