/**
 * The classes of ILSVRC-2012's validation images, from a text file.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { imagenetIndex } from "./imagenet.ts";

/**
 * Class indices of `names` (file names without folders, sorted) from `text`, one line an image, in one of three forms:
 * a WordNet id a line, in the order of the sorted names; "NAME n########"; or "NAME INDEX" with the index 0..999 of the
 * classes sorted by WordNet id. Throws DataError; in particular for bare numbers, which the development kit counts in an
 * order of its own.
 */
export function readGroundTruth(text: string, names: readonly string[], path: string): number[] {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (lines.every((line) => /^\d+$/.test(line))) {
    throw new DataError(
      `${path}: holds bare numbers, which could mean two things: the development kit numbers the classes 1..1000 in ` +
        'its own order, others 0..999 by WordNet id. Write the WordNet id (n########) or "NAME INDEX" on each line; ' +
        "the kit's meta.mat lists the WordNet id of each of its numbers",
    );
  }
  const hasNames = lines.every((line) => /\s/.test(line));
  if (!hasNames && lines.length !== names.length) {
    throw new DataError(`${path}: has ${lines.length} lines for ${names.length} images`);
  }
  const labels = new Map(lines.map((line, i) => {
    const [name, label] = hasNames ? line.split(/\s+/) : [names[i], line];
    return [name.slice(name.lastIndexOf("/") + 1), { label, line: i + 1 }];
  }));
  return names.map((name) => {
    const found = labels.get(name);
    if (!found) throw new DataError(`${path}: no line for the image ${name}`);
    return classIndex(found.label, `${path}, line ${found.line}`);
  });
}

function classIndex(label: string, where: string): number {
  const index = /^\d{1,3}$/.test(label) ? Number(label) : imagenetIndex(label);
  if (index === undefined) {
    throw new DataError(`${where}: expected an ImageNet-1k WordNet id or a class index 0..999, found "${label}"`);
  }
  return index;
}
