/**
 * Checks the files of a data set before hours of work: each must exist, must not be empty and must start as an image
 * does. Nothing is decoded. Damage further on in a file is found only when the file is used.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { mapAhead } from "../../map_ahead.ts";
import { type Dataset, imageName } from "./dataset.ts";
import { checkFormat } from "../decoding/decode.ts";
import { openFile, withPath } from "../files/read.ts";
import { HEAD_BYTES } from "../decoding/foreign_formats.ts";

/**
 * The most files that are checked: a few seconds of work on a disk. If there are more, only every second, third, ...
 * file is checked.
 */
const MOST_FILES = 100_000;

/** Number of files opened at the same time. */
const AT_A_TIME = 32;

/** The result of a check. */
export interface LookedOver {
  /** Number of checked files: 0 if the images are not separate files. */
  readonly files: number;
  /** The errors of files that no decoder accepts, in the data set's order. Messages contain the full path. */
  readonly broken: readonly DataError[];
}

/** Options of lookOver. */
export interface LookOptions {
  /**
   * Index of the first image.
   * @default 0
   */
  readonly start?: number;
  /** Index after the last image. All images if left out. */
  readonly end?: number;
  /**
   * The most files to check.
   * @default 100_000
   */
  readonly most?: number;
}

/** Checks the files of a data set. If there are too many, it checks an evenly spaced part of them. */
export async function lookOver(dataset: Dataset, options: LookOptions = {}): Promise<LookedOver> {
  if (!dataset.path) return { files: 0, broken: [] };
  const { start = 0, end = dataset.length, most = MOST_FILES } = options;
  const each = Math.ceil((end - start) / most);
  const indices = Array.from({ length: Math.ceil((end - start) / each) }, (_, i) => start + i * each);
  const broken: DataError[] = [];
  for await (const error of mapAhead(indices, AT_A_TIME, (index) => faultOf(imageName(dataset, index)))) {
    if (error) broken.push(error);
  }
  return { files: indices.length, broken };
}

/** Returns the error for a data set with files that are not images: the first few of them, and what to do. */
export function brokenFiles({ name }: Dataset, broken: readonly DataError[]): DataError {
  const shown = broken.slice(0, 5).map(({ message }) => message);
  const more = broken.length > shown.length ? `; and ${broken.length - shown.length} more` : "";
  return new DataError(
    `${name}: ${broken.length === 1 ? "a file is" : `${broken.length} files are`} no image: ${
      shown.join("; ")
    }${more} ` +
      "(--skip-bad leaves out broken images)",
  );
}

async function faultOf(path: string): Promise<DataError | undefined> {
  try {
    using file = await openFile(path);
    const start = new Uint8Array(HEAD_BYTES);
    const length = await withPath(path, () => file.read(start)) ?? 0;
    checkFormat(start.subarray(0, length), path);
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
}
