/**
 * The report of an evaluation: figures and all predictions. Reports of shards can be merged into the report of the
 * whole data set.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { type Accuracy, accuracy, type Prediction } from "./accuracy.ts";
import type { InferenceConfig } from "../models/config/inference_config.ts";
import type { ReportedShard } from "./shard.ts";

/** The inference settings that determine the model's outputs, besides the weights. */
export type ReportedInference = Omit<InferenceConfig, "classNames" | "source">;

/** The report that `eval --report` writes. */
export interface Report extends Accuracy {
  /** Name of the architecture in the registry. */
  readonly model: string;
  /** Number of kernels that an ODConv layer mixes. */
  readonly kernelNum: number;
  /** Path of the weights file, as it was given, and its SHA-256 (hexadecimal). */
  readonly weights: { readonly path: string; readonly sha256: string };
  /** The inference settings. Reports of early versions lack them. */
  readonly inference?: ReportedInference;
  /** The device: "webgpu: llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly device: string;
  /** Name of the data set. */
  readonly dataset: string;
  /** The shard. Only in reports of a part of the data set. */
  readonly shard?: ReportedShard;
  /** Number of evaluated images. */
  readonly images: number;
  /** Images that could not be read. They do not count. */
  readonly skipped: readonly string[];
  /** Seconds from the first image to the last, without preparation. In merged reports, the sum. */
  readonly seconds: number;
  /** images / seconds; 0 if no time was measured. */
  readonly imagesPerSecond: number;
  /** The authors' published figures for the configuration, in percent, if there are any. */
  readonly published?: { readonly top1: number; readonly top5: number };
  /** One prediction per image, in the data set's order. */
  readonly predictions: readonly Prediction[];
}

/** Returns the settings that a report has, always in this order. */
export function reportedInference(
  { imageSize, resize, interpolation, mean, std, temperature }: InferenceConfig,
): ReportedInference {
  return { imageSize, resize, interpolation, mean, std, temperature };
}

/** All fields of a report that do not come from the predictions. */
export type ReportContext = Pick<
  Report,
  "model" | "kernelNum" | "weights" | "inference" | "device" | "dataset" | "shard" | "skipped" | "seconds" | "published"
>;

/** Makes a report from predictions. Throws DataError if there are none. */
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

/**
 * Returns the report as JSON, with one line per field and one line per prediction. So large reports stay readable and
 * can be compared line by line.
 */
export function formatReport(report: Report): string {
  const { predictions, ...head } = report;
  const fields = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  const lines = predictions.map((prediction) => `    ${JSON.stringify(prediction)}`).join(",\n");
  return `{\n${fields.join("")}  "predictions": [\n${lines}\n  ]\n}\n`;
}

/** Fields that must be equal in all shards of an evaluation. */
const SHARED = {
  model: (r: Report) => r.model,
  kernel_num: (r: Report) => r.kernelNum,
  "SHA-256 of the weights": (r: Report) => r.weights.sha256,
  "size and preparation of the images, or temperature": (r: Report) => JSON.stringify(r.inference),
  // Another machine may store the same folder elsewhere.
  "data set": (r: Report) => r.dataset.split(/[\\/]/).at(-1),
  "number of shards": (r: Report) => r.shard?.count,
  "images of all shards": (r: Report) => r.shard?.of,
};

/**
 * Merges the reports of all shards, given in any order. Except for the time, the result equals the report of a single
 * run on the whole data set. Throws DataError if the reports do not belong together, or one is missing or given twice.
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
