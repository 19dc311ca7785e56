/**
 * `inspect --html`: runs a model and writes the report of what was recorded.
 *
 * @module
 */

import { writeFile } from "../../src/checkpoint/write/file.ts";
import { decodeImage } from "../../src/data/decoding/decode.ts";
import { readBytes } from "../../src/data/files/read.ts";
import { crop, normalize } from "../../src/data/pixels/preprocessing.ts";
import { DataError } from "../../src/errors.ts";
import type { Model } from "../../src/models/model/model.ts";
import { type DeviceFlags, openDeviceOf } from "../support/device.ts";
import { observe } from "./observe.ts";
import { report } from "./report.ts";

/** Options of a report. */
export interface ReportRequest {
  /** The model's name in the report. */
  readonly name: string;
  /** One image file or two. */
  readonly images: readonly string[];
  /** Path of the report's file. */
  readonly path: string;
  readonly device: DeviceFlags;
}

/** Runs the model on the images and writes the report atomically. Throws DataError and DeviceError. */
export async function writeReport(model: Model, { name, images, path, device }: ReportRequest): Promise<void> {
  const { preprocessing, classNames: names } = model;
  const shown = await Promise.all(images.map(async (file) => {
    return { file, image: crop(await decodeImage(await readBytes(file), file), preprocessing) };
  }));
  const backend = await openDeviceOf(device);
  try {
    const inputs = shown.map(({ image }) => normalize(image, preprocessing));
    const observation = await observe(model, backend, inputs);
    const page = await report({ name, model, shown, observation, names, device: backend.description });
    await writeFile(path, (write) => write(new TextEncoder().encode(page)), DataError);
  } finally {
    backend.dispose();
  }
}
