/**
 * Reads the classes of ILSVRC-2012's validation images from a text file, in any published form.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { ilsvrcIndex } from "./ilsvrc_ids.ts";
import { imagenetIndex } from "./imagenet.ts";
import { readTable, type Row } from "./table.ts";

/** The accepted forms, for messages. */
const FORMS =
  "accepted are lines of NAME and WordNet id or class index 0..999, separated by spaces, tabs or commas, with or " +
  "without a header; Kaggle's LOC_val_solution.csv; an .lst of MXNet (number, class index, path); WordNet ids alone or " +
  "the development kit's numbers alone, a line for each image in the order of the sorted names";

const IS_NUMBER = /^\d+$/;

/**
 * Returns true if the text does not show whether its numbers are the development kit's, 1 to 1000, or class indices, 0
 * to 999: every line is only a number, and none is 1000. In this case `readGroundTruth` assumes the development kit's
 * numbers and refuses 0.
 */
export function mayBeIndices(text: string): boolean {
  return readTable(text).every(({ cells }) => cells.length === 1 && IS_NUMBER.test(cells[0]) && cells[0] !== "1000");
}

/**
 * Reads the class indices of `names` (file names without folders, sorted) from `text`. Each line contains one of
 *
 * - a WordNet id, in the order of the sorted names;
 * - the development kit's number, 1 to 1000, in that order;
 * - a name and a class. The class is a WordNet id, or an index 0..999 of the classes sorted by WordNet id. Names may
 *   lack their extension. If there are more than two columns, a header says which ones these are. Kaggle's boxes after
 *   the WordNet id are ignored;
 * - a number, a class index and a name, as in MXNet's .lst files.
 *
 * Throws DataError.
 */
export function readGroundTruth(text: string, names: readonly string[], path: string): number[] {
  const rows = readTable(text);
  if (rows.every(({ cells }) => cells.length === 1)) return inOrder(rows, names, path);
  const columns = columnsOf(rows, names, path);
  const labels = new Map<string, { label: number; line: number }>();
  for (const { cells, line } of columns.header ? rows.slice(1) : rows) {
    const where = `${path}, line ${line}`;
    const [name, label] = [cells[columns.name], cells[columns.label]];
    if (name === undefined || label === undefined) {
      throw new DataError(`${where}: expected a name and a class, found ${excerpt(cells)}`);
    }
    const read = { label: classIndex(label, where), line };
    const before = labels.get(keyOf(name));
    if (before && before.label !== read.label) {
      throw new DataError(
        `${where}: ${excerpt(name)} is of class ${read.label}, in line ${before.line} of ${before.label}`,
      );
    }
    labels.set(keyOf(name), read);
  }
  return names.map((name) => {
    const found = labels.get(keyOf(name));
    if (!found) throw noLine(path, name);
    return found.label;
  });
}

function noLine(path: string, name: string): DataError {
  return new DataError(`${path}: no line for the image ${name}; ${FORMS}`);
}

/** Reads one line per image, without names. */
function inOrder(rows: readonly Row[], names: readonly string[], path: string): number[] {
  const hasHeader = rows.length === names.length + 1 && !/\d/.test(rows[0].cells[0]);
  const labels = hasHeader ? rows.slice(1) : rows;
  if (labels.length !== names.length) {
    throw new DataError(`${path}: has ${labels.length} lines for ${names.length} images; ${FORMS}`);
  }
  return labels.map(({ cells: [label], line }) => {
    const index = IS_NUMBER.test(label) ? ilsvrcIndex(Number(label)) : imagenetIndex(label);
    if (index !== undefined) return index;
    throw new DataError(
      `${path}, line ${line}: expected a WordNet id of ImageNet-1k or the development kit's number 1..1000, found ${
        excerpt(label)
      }; a class index 0..999 needs its image's name before it; ${FORMS}`,
    );
  });
}

interface Columns {
  readonly name: number;
  readonly label: number;
  readonly header: boolean;
}

/** Usual names of the column with the classes. */
const LABEL_HEADER = /^(label|class|target|category|wnid|synset|predictionstring)s?([ _]?(id|index|idx|label))?$/i;

/** Finds the columns of names and classes. */
function columnsOf(rows: readonly Row[], names: readonly string[], path: string): Columns {
  const { cells: first } = rows[0];
  const keys = new Set(names.map(keyOf));
  // In a header, no cell is a class or an image's name.
  const header = first.every((cell) => readClass(cell) === undefined && !keys.has(keyOf(cell)));
  const body = header ? rows.slice(1) : rows;
  const count = Math.max(first.length, body[0]?.cells.length ?? 0);
  const all = Array.from({ length: count }, (_, i) => i);
  const isName = (i: number) => body.some(({ cells }) => cells[i] !== undefined && keys.has(keyOf(cells[i])));
  const name = all.find(isName);
  if (name === undefined) throw noLine(path, names[0]);
  const rest = all.filter((i) => i !== name);
  if (rest.length === 1) return { name, label: rest[0], header };
  const named = header ? first.findIndex((cell, i) => i !== name && LABEL_HEADER.test(cell)) : -1;
  if (named >= 0) return { name, label: named, header };
  // An .lst file: number, class, path.
  if (!header && count === 3 && name === 2) return { name, label: 1, header };
  if (name === 0 && body.every(({ cells }) => isClear(cells.slice(1)))) return { name, label: 1, header };
  throw new DataError(
    `${path}: it is not clear which of ${count} columns is the class, such as in ${excerpt(first)}; ${FORMS}`,
  );
}

/** Returns whether only the first cell can be the class. Boxes or words may follow it. */
function isClear([label = "", ...others]: readonly string[]): boolean {
  if (imagenetIndex(label) === undefined) {
    return readClass(label) !== undefined && !others.some((cell) => readClass(cell) !== undefined);
  }
  return others.every((cell) => cell === label || imagenetIndex(cell) === undefined);
}

/** Names are compared without folder and extension. */
function keyOf(name: string): string {
  const file = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  return file.replace(/\.jpe?g$/i, "");
}

function classIndex(label: string, where: string): number {
  const index = readClass(label);
  if (index !== undefined) return index;
  throw new DataError(
    `${where}: expected a WordNet id of ImageNet-1k or a class index 0..999, found ${excerpt(label)}; ${FORMS}`,
  );
}

/**
 * Reads "65", MXNet's "65.000000", "n01440764", or Kaggle's "n01440764 10 20 30 40", which may be repeated for one
 * class.
 */
function readClass(label: string): number | undefined {
  if (/^\d{1,3}(\.0+)?$/.test(label)) return Number(label);
  const [id, ...others] = label.split(/\s+/);
  return others.every((word) => word === id || imagenetIndex(word) === undefined) ? imagenetIndex(id) : undefined;
}
