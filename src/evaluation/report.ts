/**
 * What an evaluation answers: figures, and every prediction behind them. Reports of shards merge into the report of
 * the whole.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { type Accuracy, accuracy, type Prediction } from "./accuracy.ts";
import type { InferenceConfig } from "../models/config/inference_config.ts";
import type { ReportedShard } from "./shard.ts";

/** How the model was used: what decides its answers, besides its weights. */
export type ReportedInference = Omit<InferenceConfig, "classNames" | "source">;

/** What `eval --report` writes. */
export interface Report extends Accuracy {
  /** Architecture, by its name in the registry. */
  readonly model: string;
  /** Kernels that an ODConv layer mixes. */
  readonly kernelNum: number;
  /** The file of weights, as it was given, and its SHA-256 (hexadecimal). */
  readonly weights: { readonly path: string; readonly sha256: string };
  /** How it was used; not in reports of early versions. */
  readonly inference?: ReportedInference;
  /** What ran: "webgpu: llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly device: string;
  /** What the data set calls itself. */
  readonly dataset: string;
  /** Which part of the data set this is; only in reports of a part. */
  readonly shard?: ReportedShard;
  /** Images that were evaluated. */
  readonly images: number;
  /** Images that could not be read and count for nothing. */
  readonly skipped: readonly string[];
  /** From the first image to the last, preparation not counted; of merged reports the sum. */
  readonly seconds: number;
  /** images / seconds; 0 if no time was measured. */
  readonly imagesPerSecond: number;
  /** What the authors of the weights' configuration published, in percent; only where they did. */
  readonly published?: { readonly top1: number; readonly top5: number };
  /** One an image, in the data set's order. */
  readonly predictions: readonly Prediction[];
}

/** The part of a configuration that a report carries, always in this order. */
export function reportedInference(
  { imageSize, resize, interpolation, mean, std, temperature }: InferenceConfig,
): ReportedInference {
  return { imageSize, resize, interpolation, mean, std, temperature };
}

/** What is known of an evaluation besides its predictions. */
export type ReportContext = Pick<
  Report,
  "model" | "kernelNum" | "weights" | "inference" | "device" | "dataset" | "shard" | "skipped" | "seconds" | "published"
>;

/** Adds up a report. Throws DataError where there is no prediction. */
export function makeReport(context: ReportContext, predictions: readonly Prediction[]): Report {
  const { model, kernelNum, weights, inference, device, dataset, shard, skipped, seconds, published } = context;
  const images = predictions.length;
  if (!images) throw new DataError(`no image of ${dataset} could be evaluated, ${skipped.length} could not be read`);
  return {
    model,
    kernelNum,
    weights,
    ...(inference && { inference }),
    device,
    dataset,
    ...(shard && { shard }),
    images,
    skipped,
    ...accuracy(predictions),
    seconds,
    imagesPerSecond: seconds > 0 ? images / seconds : 0,
    ...(published && { published }),
    predictions,
  };
}

/** As JSON, a line a field and a line a prediction: large reports stay readable and comparable line by line. */
export function formatReport(report: Report): string {
  const { predictions, ...head } = report;
  const fields = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  const lines = predictions.map((prediction) => `    ${JSON.stringify(prediction)}`).join(",\n");
  return `{\n${fields.join("")}  "predictions": [\n${lines}\n  ]\n}\n`;
}

/** Fields in which the shards of one evaluation agree. */
const SHARED = {
  model: (r: Report) => r.model,
  kernel_num: (r: Report) => r.kernelNum,
  "SHA-256 of the weights": (r: Report) => r.weights.sha256,
  "size and preparation of the images, or temperature": (r: Report) => JSON.stringify(r.inference),
  // Another machine may keep the same folder elsewhere.
  "data set": (r: Report) => r.dataset.split(/[\\/]/).at(-1),
  "number of shards": (r: Report) => r.shard?.count,
  "images of all shards": (r: Report) => r.shard?.of,
};

/**
 * The report of the whole from the reports of its shards, in any order: what one run over everything would have
 * reported, except for the time. Throws DataError where they don't belong together, one is missing or one is there twice.
 */
export function mergeReports(named: ReadonlyMap<string, Report>): Report {
  const [[firstName, first]] = named;
  for (const [name, report] of named) {
    if (!report.shard) throw new DataError(`${name} reports no shard; expected reports of eval --shard I/N`);
    for (const [what, field] of Object.entries(SHARED)) {
      if (field(report) === field(first)) continue;
      throw new DataError(`${name} and ${firstName} differ in ${what}: ${field(report)} and ${field(first)}`);
    }
  }
  const count = first.shard!.count;
  const parts = new Map<number, Report>();
  for (const [name, report] of named) {
    const { index } = report.shard!;
    if (parts.has(index)) throw new DataError(`${name} is shard ${index}/${count}, which another report is already`);
    parts.set(index, report);
  }
  if (parts.size < count) {
    const missing = Array.from({ length: count }, (_, i) => i + 1).filter((i) => !parts.has(i));
    throw new DataError(`of ${count} shards ${missing.length} are missing: ${missing.slice(0, 10).join(", ")}`);
  }
  const ordered = [...parts].sort(([a], [b]) => a - b).map(([, report]) => report);
  const images = ordered.reduce((sum, r) => sum + r.images + r.skipped.length, 0);
  if (images !== first.shard!.of) {
    throw new DataError(
      `the ${count} shards hold ${images} images, expected ${first.shard!.of}; a report is cut short`,
    );
  }
  return makeReport({
    ...first,
    shard: undefined,
    device: [...new Set(ordered.map((r) => r.device))].join(", "),
    skipped: ordered.flatMap((r) => r.skipped),
    seconds: ordered.reduce((sum, r) => sum + r.seconds, 0),
  }, ordered.flatMap((r) => r.predictions));
}
