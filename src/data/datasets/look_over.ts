/**
 * A look at the files of a data set before hours of work: whether they are there, are not empty and begin as images do.
 * Nothing is decoded: a file that is damaged further on shows only when it is used.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { mapAhead } from "../../map_ahead.ts";
import { type Dataset, imageName } from "./dataset.ts";
import { checkFormat } from "../decoding/decode.ts";
import { openFile, withPath } from "../files/read.ts";
import { HEAD_BYTES } from "../decoding/foreign_formats.ts";

/** Most files that are looked at: a few seconds' work on a disk. Of more, every second, third, ... is looked at. */
const MOST_FILES = 100_000;

/** Files that are opened at a time. */
const AT_A_TIME = 32;

/** What a look found. */
export interface LookedOver {
  /** Files that were looked at: 0 if the images are no files of their own. */
  readonly files: number;
  /** What is wrong with those that no decoder would take, in the data set's order; messages have the whole path. */
  readonly broken: readonly DataError[];
}

/** What is looked over. */
export interface LookOptions {
  /** The first image; 0 if left out. */
  readonly start?: number;
  /** The first one behind; all if left out. */
  readonly end?: number;
  /** Most files to look at; 100,000 if left out. */
  readonly most?: number;
}

/** Looks over the files of a data set, evenly spread if they are too many. */
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

/** The error of a data set some of whose files are no images: the first few of them, and what to do. */
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
