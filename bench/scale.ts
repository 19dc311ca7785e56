/** Measures how time and memory grow, the cost of a large batch, and whether decoding keeps up with the device. */

import { availableParallelism } from "node:os";
import type { Dataset } from "../src/data/datasets/dataset.ts";
import { DecodePool } from "../src/data/pool/decode_pool.ts";
import { IMAGENET } from "../src/data/pixels/preprocessing.ts";
import { measure } from "../src/evaluation/measure.ts";
import { plannedMemory } from "../src/webgpu/planner/planned_memory.ts";
import type { Model } from "../src/models/model/model.ts";
import type { Arena } from "./arena.ts";
import { timeRuns } from "./measure.ts";
import { countMadds, noise, seededModel } from "./networks.ts";
import { photo } from "./photo.ts";
import type { DecodingRow, Scale, ScaleRow } from "./rows.ts";

/** The size of a run. */
type Setting = Pick<ScaleRow, "model" | "kernelNum" | "batch" | "imageSize">;

const USUAL: Setting = { model: "od_resnet18", kernelNum: 4, batch: 1, imageSize: 224 };

/** The series; each varies one size. */
const GROWTH: readonly Partial<Setting>[] = [
  ...[1, 2, 4, 8, 16].map((batch) => ({ batch })),
  ...[112, 160, 288].map((imageSize) => ({ imageSize })),
  ...[1, 2, 8].map((kernelNum) => ({ kernelNum })),
];

/** The published networks that need the most memory. The second batch is larger than some adapters can bind. */
const LARGE: readonly Partial<Setting>[] = [
  { model: "od_resnet101", kernelNum: 2, batch: 32 },
  { model: "od_resnet101", kernelNum: 2, batch: 64 },
  { model: "od_resnet50", kernelNum: 4, batch: 32 },
  { model: "od_resnet50", kernelNum: 4, batch: 64 },
];

/** The network of the evaluation: the fastest one, which needs the most images per second. */
const EVALUATED = { model: "mobilenetv2_100", kernelNum: 1 };

const WORKERS = [1, 2, 3, 4];
const IMAGES = 64;

/** Makes all measurements; calls `tell` with every line. */
export async function measureScale(arena: Arena, tell: (line: string) => void): Promise<Scale> {
  const networks: ScaleRow[] = [];
  for (const change of [...GROWTH, ...LARGE]) {
    const row = await timeNetwork(arena, { ...USUAL, ...change });
    networks.push(row);
    tell(
      `${row.model} n=${row.kernelNum} batch ${row.batch}, ${row.imageSize}x${row.imageSize}: ${row.ms.toFixed(0)} ms`,
    );
  }
  const decoding: DecodingRow[] = [];
  const dataset = copiesOf(await photo(), IMAGES);
  const model = await seededModel(EVALUATED.model, EVALUATED.kernelNum);
  for (const workers of WORKERS) {
    const row = {
      workers,
      decoded: await decodingRate(dataset, workers),
      ...await evaluationRate(arena, model, dataset, workers),
    };
    decoding.push(row);
    tell(`${workers} decoding thread(s): ${row.decoded.toFixed(0)} images/s; evaluation ${row.evaluated.toFixed(1)}`);
  }
  return { networks, decoding, evaluated: EVALUATED.model, cores: availableParallelism() };
}

/** Measures a batch that the device runs in parts. */
async function timeNetwork(arena: Arena, setting: Setting): Promise<ScaleRow> {
  const { batch, imageSize } = setting;
  const backend = await arena.backend("webgpu");
  const model = await seededModel(setting.model, setting.kernelNum);
  let part = batch;
  const compiled = await model.compile(backend, { batch, imageSize, onSplit: (images) => part = images });
  try {
    const images = noise(batch * 3 * imageSize ** 2);
    const run = () => compiled.run(images);
    await run();
    const ms = await timeRuns(run, 1, arena.patience);
    const graph = model.graph({ batch: part, imageSize });
    const gflops = 2 * countMadds(graph) * batch / part / ms / 1e6;
    const { total, activations } = plannedMemory(graph, backend.capabilities);
    const ceilingGflops = (await arena.ceiling("webgpu"))!;
    return { ...setting, part, ms, gflops, ceilingGflops, bytes: total, activationBytes: activations };
  } finally {
    compiled.dispose();
  }
}

/** Returns the images per second of decoding and preprocessing alone. */
async function decodingRate(dataset: Dataset, workers: number): Promise<number> {
  using pool = new DecodePool(workers);
  const decode = async () => {
    const image = await dataset.load(0);
    await pool.preprocess(image as Uint8Array<ArrayBuffer>, IMAGENET, "photo.jpg");
  };
  await Promise.all(WORKERS.map(decode)); // threads start
  const ms = await timeAll(() => Promise.all(Array.from({ length: IMAGES }, decode)));
  return IMAGES / ms * 1000;
}

/** Measures the images per second of a whole evaluation, and of the network alone with the same batch. */
async function evaluationRate(arena: Arena, model: Model, dataset: Dataset, workers: number) {
  const backend = await arena.backend("webgpu");
  const batch = 16;
  const compiled = await model.compile(backend, { batch });
  const images = noise(batch * 3 * model.imageSize ** 2);
  await compiled.run(images);
  const alone = batch / await timeRuns(() => compiled.run(images), 2, arena.patience) * 1000;
  compiled.dispose();
  const weights = { path: "none", sha256: "" };
  const { imagesPerSecond } = await measure(model, dataset, backend, { weights, batch, workers });
  return { alone, evaluated: imagesPerSecond };
}

async function timeAll(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** A data set that repeats one image. */
function copiesOf(image: Uint8Array<ArrayBuffer>, length: number): Dataset {
  const classes = Array.from({ length: 1000 }, (_, i) => String(i));
  return {
    name: "photo",
    classes,
    numClasses: classes.length,
    length,
    preprocessing: IMAGENET,
    item: (index) => ({ file: `${index}.jpg`, label: 0 }),
    load: () => Promise.resolve(image.slice()),
    close() {},
  };
}
