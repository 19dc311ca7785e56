/** The readers of untrusted files, with files that PyTorch, safetensors, PIL and tar wrote. */

import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { fromBytes } from "../../src/checkpoint/source/source.ts";
import { DTYPE_BYTES } from "../../src/checkpoint/tensors/state_dict.ts";
import { CIFAR10_NAMES } from "../../src/data/labels/cifar10_names.ts";
import { decodeImage } from "../../src/data/decoding/decode.ts";
import { readGroundTruth } from "../../src/data/labels/ground_truth.ts";
import { openImageFolder } from "../../src/data/datasets/image_folder.ts";
import { preprocess } from "../../src/data/pixels/preprocessing.ts";
import { listTar } from "../../src/data/files/tar.ts";
import { CheckpointError, DataError } from "../../src/errors.ts";
import { formatReport, makeReport } from "../../src/evaluation/report.ts";
import { Journal, parseJournal } from "../../src/evaluation/journal.ts";
import { readReport } from "../../src/evaluation/report_file.ts";
import { findNetwork } from "../../src/models/find/find_network.ts";
import { decodeHubConfig } from "../../src/models/config/hub_config.ts";
import {
  checkClassNames,
  decodeInference,
  encodeInference,
  type InferenceConfig,
  overrideInference,
  preprocessingOf,
  usualInference,
} from "../../src/models/config/inference_config.ts";
import { createModel } from "../../src/models/model/model.ts";
import { loadCheckpoint, saveCheckpoint } from "../../src/training/checkpoint.ts";
import { type EpochMetrics, parseMetrics, type StepMetrics } from "../../src/training/metrics.ts";
import { DEFAULT_RECIPE } from "../../src/training/options.ts";
import { TrainingMemory } from "../../src/training/trainer.ts";
import { parseTuning, Tuning } from "../../src/webgpu/tuning/tuning.ts";
import { unpackGzip } from "../support/unpack_gzip.ts";
import type { Bytes } from "./mutate.ts";
import { repairPng, repairSafetensors, repairTar, unpackPng } from "./repair.ts";

/** A kind of file and who reads it. */
export interface Format {
  /** Real files of the kind. */
  seeds(): Promise<Bytes[]>;
  /** Reads all of a file, in a folder for temporary files. Throws plain Error where what was read cannot be right. */
  read(bytes: Bytes, folder: string): Promise<void>;
  /** What it may throw. */
  readonly error: typeof CheckpointError | typeof DataError;
  /** Makes checksums right again, so that damage behind them is seen. */
  readonly repair?: (bytes: Bytes) => Bytes;
  /** Bytes of memory that reading may ask for, for each byte of the file; 64 on top of 64 MB if left out. */
  readonly memoryPerByte?: number;
}

const FIXTURES = new URL("../fixtures/", import.meta.url);

/** Fixtures whose paths match. */
async function fixtures(folder: string, pattern: RegExp): Promise<Bytes[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(new URL(`${folder}/`, FIXTURES))) if (pattern.test(name)) names.push(name);
  return await Promise.all(names.sort().map((name) => Deno.readFile(new URL(`${folder}/${name}`, FIXTURES))));
}

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(`read, but ${what}`);
}

async function readCheckpoint(source: Parameters<typeof openCheckpoint>[0]): Promise<void> {
  const checkpoint = await openCheckpoint(source);
  try {
    for (const [name, tensor] of checkpoint.tensors) {
      const { dtype, shape, unreadable } = tensor;
      if (unreadable !== undefined) continue;
      const { length } = await tensor.read();
      ensure(length === shape.reduce((n, d) => n * d, DTYPE_BYTES[dtype]), `${name} has ${length} bytes`);
    }
    try {
      findNetwork(checkpoint);
    } catch (error) {
      // The fixtures are of no architecture; whatever else it throws is a failure.
      if (!(error instanceof CheckpointError)) throw error;
    }
  } finally {
    checkpoint.close();
  }
}

function checkpointFormat(pattern: RegExp, kinds: RegExp): Format {
  return {
    seeds: async () => [...await fixtures("checkpoint", pattern), ...await fixtures("checkpoint_kinds", kinds)],
    read: (bytes) => readCheckpoint(fromBytes("input", bytes)),
    error: CheckpointError,
  };
}

/** A byte may stand for 1024 pixels, which take up to 32 bytes each on their way to RGB. */
function imageFormat(
  pattern: RegExp,
  { more, repair }: { more?: typeof unpackPng; repair?: Format["repair"] } = {},
): Format {
  return {
    async seeds() {
      const ordinary = await fixtures("images", new RegExp(`^(?!odd_).*${pattern.source}`));
      const odd = await fixtures("images", new RegExp(`^odd_(?!refused).*${pattern.source}`));
      return [...ordinary, ...odd, ...(more ? ordinary.map(more) : [])];
    },
    async read(bytes) {
      const { width, height, data } = await decodeImage(bytes, "input");
      ensure(width > 0 && height > 0 && data.length === width * height * 3, `${width}x${height} has ${data.length}`);
    },
    error: DataError,
    repair,
    memoryPerByte: 32 * 1024,
  };
}

const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const INPUT = "input.json";

/** Every format, by name. */
export const FORMATS: Readonly<Record<string, Format>> = {
  safetensors: checkpointFormat(/^(bare|dtypes|rounding|model-.*)\.safetensors$/, /^float8\.safetensors$/),
  "torch-zip": checkpointFormat(
    /^(bare|both|dtypes|ema|model_key|strided|whole_model|training)\.pth(\.tar)?$/,
    /^(?!legacy_).*\.(pth|pt)$/,
  ),
  "torch-legacy": checkpointFormat(/^legacy_(bare|dtypes|strided|training)\.pth(\.tar)?$/, /^legacy_/),
  trainers: {
    async seeds() {
      // "moco" holds two networks, and is refused whole, too.
      const packed = await fixtures("trainers", /^(averaged_model|ema_beside|lightning|moco|timm)\.(pth|ckpt).*\.gz$/);
      return await Promise.all(packed.map(unpackGzip));
    },
    async read(bytes) {
      const checkpoint = await openCheckpoint(fromBytes("input", bytes));
      try {
        const { tensors, config } = findNetwork(checkpoint);
        ensure(
          tensors.size === createModel(config).stateDictSpec().length,
          `${tensors.size} tensors of ${config.arch}`,
        );
      } finally {
        checkpoint.close();
      }
    },
    error: CheckpointError,
  },
  "sharded-index": {
    seeds: () => fixtures("checkpoint", /index\.json$/),
    async read(bytes, folder) {
      for (const shard of SHARDS) {
        await Deno.copyFile(new URL(`checkpoint/${shard}`, FIXTURES), `${folder}/${shard}`);
      }
      await Deno.writeFile(`${folder}/${INPUT}`, bytes);
      await readCheckpoint(`${folder}/${INPUT}`);
    },
    error: CheckpointError,
  },
  jpeg: imageFormat(/\.jpg$/),
  png: imageFormat(/\.png$/, { more: unpackPng, repair: repairPng }),
  webp: imageFormat(/\.webp$/),
  bmp: imageFormat(/\.bmp$/),
  gif: imageFormat(/\.gif$/),
  tiff: imageFormat(/\.tif$/),
  pnm: imageFormat(/\.p[bgp]m$/),
  report: {
    seeds: () => Promise.resolve([report(undefined), report({ index: 1, count: 2, of: 9 })]),
    async read(bytes, folder) {
      await Deno.writeFile(`${folder}/${INPUT}`, bytes);
      const read = await readReport(`${folder}/${INPUT}`);
      ensure(
        read.images === read.predictions.length && read.top1 >= 0 && read.top1 <= 100,
        "its figures are impossible",
      );
    },
    error: DataError,
  },
  journal: {
    seeds: async () => [await journal(false), await journal(true)],
    read(bytes) {
      const { done, length } = parseJournal(bytes, DESCRIPTION, "input");
      ensure(length <= bytes.length, `${length} bytes are valid`);
      const images = done.reduce((sum, { skipped, predictions }) => sum + skipped.length + predictions.length, 0);
      ensure(images === (done.at(-1)?.end ?? 0), `${images} images`);
      return Promise.resolve();
    },
    error: DataError,
  },
  "training-state": {
    seeds: async () => [(await trainingState()).header],
    async read(bytes, folder) {
      const { data } = await trainingState();
      await Deno.writeFile(
        `${folder}/last.state.safetensors`,
        new Uint8Array(await new Blob([bytes, data]).arrayBuffer()),
      );
      const { model, state } = await loadCheckpoint(folder);
      model.close();
      ensure(Number.isSafeInteger(state.epoch) && state.epoch >= 0, `epoch ${state.epoch}`);
    },
    error: CheckpointError,
    repair: repairSafetensors,
    // The model that it is loaded into, and the tensors.
    memoryPerByte: 16 * 1024,
  },
  "inference-config": {
    seeds: () => Promise.resolve([new TextEncoder().encode(encodeInference(MODEL.inference))]),
    read: (bytes) =>
      Promise.resolve(useInference(decodeInference(new TextDecoder().decode(bytes), usualInference(MODEL.config)))),
    error: CheckpointError,
  },
  "hub-config": {
    seeds: () => Promise.resolve(HUB_CONFIGS.map((config) => new TextEncoder().encode(JSON.stringify(config)))),
    read(bytes) {
      const given = decodeHubConfig({ name: "input", text: new TextDecoder().decode(bytes) });
      return Promise.resolve(useInference(overrideInference(usualInference(MODEL.config), given)));
    },
    error: CheckpointError,
  },
  metrics: {
    seeds: () => Promise.resolve([metrics()]),
    read(bytes) {
      for (const line of parseMetrics(new TextDecoder().decode(bytes), "input")) {
        ensure(
          line.epoch >= 0 && Number.isFinite("step" in line ? line.loss : line.valTop1),
          `${JSON.stringify(line)} is no line`,
        );
      }
      return Promise.resolve();
    },
    error: DataError,
  },
  tuning: {
    seeds: () => Promise.resolve([tuning()]),
    read(bytes) {
      for (const shapes of parseTuning(new TextDecoder().decode(bytes)).values()) {
        for (const [shape, { source, milliseconds }] of shapes) {
          ensure(source.length === 64 && [...milliseconds.values()].every((ms) => ms > 0), `${shape} took no time`);
        }
      }
      return Promise.resolve();
    },
    error: DataError,
  },
  labels: {
    seeds: () => Promise.resolve([new TextEncoder().encode('{"cat": 0, "dog": 1, "n01440764": 999}')]),
    async read(bytes, folder) {
      for (const name of ["cat", "dog", "n01440764"]) {
        await Deno.mkdir(`${folder}/images/${name}`, { recursive: true });
        await Deno.writeFile(`${folder}/images/${name}/x.png`, new Uint8Array());
      }
      await Deno.writeFile(`${folder}/${INPUT}`, bytes);
      const labels = `${folder}/${INPUT}`;
      const { length, item, numClasses } = await openImageFolder(`${folder}/images`, { labels });
      for (let i = 0; i < length; i++) ensure(item(i).label < numClasses, `class ${item(i).label} of ${numClasses}`);
    },
    error: DataError,
  },
  "ground-truth": {
    async seeds() {
      const names = NAMES.map((name, i) => [
        `${name} n01440764\n`,
        `val/${name} ${i * 300}\n`,
        "n15075141\n",
        `${i + 1}\n`,
        `${name},"n15075141 0 1 2 3 n15075141 4 5 6 7 "\n`,
        `${i}\t${i * 300}.000000\tval/${name}\n`,
        `${i};${name};${i};n01440764\n`,
      ]);
      const headers = ["", "", "", "", "ImageId,PredictionString\n", "", "id;file;width;wnid\n"];
      const texts = names[0].map((_, form) => [headers[form], ...names.map((forms) => forms[form])].join(""));
      return [...await fixtures("ilsvrc_devkit", /\.txt$/), ...texts.map((text) => new TextEncoder().encode(text))];
    },
    read(bytes) {
      const labels = readGroundTruth(new TextDecoder().decode(bytes), NAMES, "input");
      ensure(labels.length === 3 && labels.every((n) => Number.isInteger(n) && n >= 0 && n < 1000), `${labels}`);
      return Promise.resolve();
    },
    error: DataError,
  },
  tar: {
    seeds: () => fixtures(".", /\.tar$/),
    read(bytes) {
      const read = (into: Uint8Array, at: number) => into.set(bytes.subarray(at, at + into.length));
      for (const { name, offset, size } of listTar(read, bytes.length, "input")) {
        ensure(offset >= 512 && size >= 0 && offset + size <= bytes.length, `${name} lies outside`);
      }
      return Promise.resolve();
    },
    error: DataError,
    repair: repairTar,
  },
};

const MODEL = createModel({ arch: "resnet20", numClasses: 3 }, { classNames: ["red", "green", "blue"] });

/** timm's, new and old, and transformers'. */
const TIMM = {
  architecture: "resnet20",
  input_size: [3, 40, 40],
  interpolation: "bicubic",
  crop_pct: 0.95,
  crop_mode: "center",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
const HUB_CONFIGS = [
  { architecture: "resnet20", num_classes: 3, label_names: ["red", "green", "blue"], pretrained_cfg: TIMM },
  { ...TIMM, labels: { 0: "red", 1: "green", 2: "blue" } },
  { architectures: ["ResNet"], id2label: { 0: "red", 1: "green", 2: "blue" } },
];

/** Obeys a configuration. */
function useInference(inference: InferenceConfig): void {
  const { imageSize, classNames } = inference;
  checkClassNames(inference, MODEL.config);
  ensure(classNames?.every((name) => name.length > 0) ?? true, "a class has no name");
  // Larger ones take their memory rightly.
  if (imageSize > 256) return;
  const input = preprocess({ width: 3, height: 2, data: new Uint8Array(18).fill(7) }, preprocessingOf(inference));
  ensure(input.length === 3 * imageSize ** 2 && input.every(Number.isFinite), "its input is none");
}

const NAMES = [1, 2, 3].map((n) => `ILSVRC2012_val_0000000${n}.JPEG`);

let state: Promise<{ header: Bytes; data: Bytes }> | undefined;

/** A state that training wrote, cut behind its header, so that damage hits what says something. */
function trainingState(): Promise<{ header: Bytes; data: Bytes }> {
  return state ??= (async () => {
    const folder = await Deno.makeTempDir();
    const memory = new TrainingMemory();
    memory.tensors.set("fc.weight/momentum_buffer", new Float32Array(640));
    const sums = { images: 4, loss: 4.5, top1: 2, top5: 4, skipped: 1 };
    const recipe = { ...DEFAULT_RECIPE, microBatch: 16, size: 32 };
    const about = {
      recipe,
      epoch: 2,
      learningRate: recipe.lr,
      best: 61.5,
      data: "x",
      trainingImages: 11,
    };
    const model = createModel({ arch: "resnet20" }, { classNames: CIFAR10_NAMES });
    await saveCheckpoint(folder, "last", model, { ...about, memory, sums });
    const file = await Deno.readFile(`${folder}/last.state.safetensors`);
    await Deno.remove(folder, { recursive: true });
    const end = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
    return { header: file.slice(0, end), data: file.slice(end) };
  })();
}

const DESCRIPTION = { journal: "1", model: "od_resnet20", start: 0, end: 9, logits: true };

async function journal(logits: boolean): Promise<Bytes> {
  const path = await Deno.makeTempFile();
  const writer = await Journal.open(path, DESCRIPTION);
  for (let end = 2; end < 9; end += 3) {
    const predictions = [0, 1].map((i) => ({
      file: `${end}/${i}.png`,
      label: i,
      loss: 0.5,
      top5: [{ class: 1, logit: 2 }],
    }));
    const skipped = end > 2 ? ["broken.png"] : [];
    await writer.add({ end, skipped, predictions, ...(logits && { logits: new Float32Array(6) }) }, end);
  }
  writer.close();
  const bytes = await Deno.readFile(path);
  await Deno.remove(path);
  return bytes;
}

function metrics(): Bytes {
  const steps = [0, 1, 2].map((step): StepMetrics => ({
    step,
    epoch: 0,
    loss: 2.5 / (step + 1),
    lr: 0.1,
    temperature: 1,
  }));
  const figures = { trainLoss: 1.5, trainTop1: 40, trainTop5: 80, valLoss: 1.25, valTop1: 50, valTop5: 90 };
  const epoch: EpochMetrics = { epoch: 0, ...figures, lr: 0.1, temperature: 1, seconds: 12.5 };
  return new TextEncoder().encode([...steps, epoch].map((line) => `${JSON.stringify(line)}\n`).join(""));
}

function tuning(): Bytes {
  const known = new Tuning();
  const milliseconds = new Map([["direct-8x2", 0.512], ["winograd-4", 0.25]]);
  for (const adapter of ["llvmpipe (LLVM 15.0.6, 256 bits), texture operands", "gpu"]) {
    for (const shape of ["conv2d x[1,8,9,9]", "conv2d x[2,8,9,9]"]) {
      known.add(adapter, shape, { source: "0123456789abcdef".repeat(4), milliseconds });
    }
  }
  return new TextEncoder().encode(known.toJSON());
}

function report(shard: { index: number; count: number; of: number } | undefined): Bytes {
  const top5 = [3, 1, 2].map((c, i) => ({ class: c, logit: Math.fround(2.5 - i) }));
  const predictions = [0, 1, 2, 3].map((i) => ({ file: `${i}/a.png`, label: i, loss: 0.1 * i, top5 }));
  const context = {
    model: "od_resnet20",
    kernelNum: 4,
    device: "cpu: tfjs",
    dataset: "val",
    skipped: ["0/b.png"],
    shard,
  };
  const weights = { path: "w.safetensors", sha256: "ab".repeat(32) };
  return new TextEncoder().encode(
    formatReport(makeReport({ ...context, weights, seconds: 2, published: { top1: 1, top5: 2 } }, predictions)),
  );
}
