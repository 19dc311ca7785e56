/**
 * Reads and writes report files. Every field is checked, because a report may come from another machine or another
 * program.
 *
 * @module
 */

import { writeFile } from "../checkpoint/write/file.ts";
import { readText } from "../data/files/read.ts";
import { DataError } from "../errors.ts";
import { MAX_IMAGE_SIZE, MAX_RESIZE } from "../models/config/inference_config.ts";
import type { Prediction, Score } from "./accuracy.ts";
import { Field } from "./field.ts";
import { formatReport, makeReport, type Report, type ReportedInference } from "./report.ts";
import type { ReportedShard } from "./shard.ts";

/** 2,000,000 predictions take less. */
const MAX_BYTES = 400_000_000;
/** Largest class number of a label. */
const MAX_CLASS = 1_000_000;

/**
 * Reads a report that eval --report wrote. The figures are computed again from the predictions. Throws DataError if the
 * file is not a report.
 */
export async function readReport(path: string): Promise<Report> {
  const text = await readText(path, MAX_BYTES);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${path} is not a report of eval --report: ${(error as Error).message}`);
  }
  return parseReport(json, path);
}

/**
 * Writes a report. The file gets its name only when it is complete; until then it has another name beside `path`.
 * Throws DataError.
 */
export async function writeReport(path: string, report: Report): Promise<void> {
  await writeFile(path, (write) => write(new TextEncoder().encode(formatReport(report))), DataError);
}

/** Parses a report from JSON. `name` is for messages. */
export function parseReport(json: unknown, name: string): Report {
  const report = new Field(json, name);
  const weights = report.get("weights");
  const parsed = makeReport({
    model: report.get("model").string(),
    kernelNum: report.get("kernelNum").integer(1),
    weights: { path: weights.get("path").string(), sha256: weights.get("sha256").string() },
    inference: report.optional("inference", parseInference),
    device: report.get("device").string(),
    dataset: report.get("dataset").string(),
    shard: report.optional("shard", parseShard),
    skipped: report.get("skipped").list((file) => file.string()),
    seconds: report.get("seconds").number(),
    published: report.optional("published", (f) => ({ top1: f.get("top1").number(), top5: f.get("top5").number() })),
  }, report.get("predictions").list(parsePrediction));
  const images = report.get("images").integer(1);
  if (images !== parsed.images) {
    throw new DataError(`${name}: images is ${images}, but there are ${parsed.images} predictions`);
  }
  return parsed;
}

/** Parses the fields in the order in which they are written, so that equal reports are equal as JSON. */
function parseInference(field: Field): ReportedInference {
  return {
    imageSize: field.get("imageSize").integer(1, MAX_IMAGE_SIZE),
    resize: field.get("resize").integer(1, MAX_RESIZE),
    interpolation: field.get("interpolation").oneOf(["bilinear", "bicubic"]),
    mean: field.get("mean").channels(),
    std: field.get("std").channels(),
    temperature: field.get("temperature").number(),
  };
}

function parseShard(field: Field): ReportedShard {
  const of = field.get("of").integer(1);
  const count = field.get("count").integer(1, of);
  return { index: field.get("index").integer(1, count), count, of };
}

/** Parses one prediction of a report. Throws DataError. */
export function parsePrediction(field: Field): Prediction {
  return {
    file: field.get("file").string(),
    label: field.get("label").integer(0, MAX_CLASS),
    loss: field.get("loss").number(),
    top5: field.get("top5").list(parseScore, 5),
  };
}

function parseScore(field: Field): Score {
  return { class: field.get("class").integer(0, MAX_CLASS), logit: field.get("logit").number() };
}
