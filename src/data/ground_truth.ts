/**
 * The classes of ILSVRC-2012's validation images, from a text file.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";
import { imagenetIndex } from "./imagenet.ts";
import { readMatStructs } from "./mat_file.ts";

/** WordNet ids by the number, 1..1000, that ILSVRC-2012's development kit gives the class. */
export type DevkitClasses = ReadonlyMap<number, string>;

/** The class table of the development kit, its file data/meta.mat. Throws DataError. */
export async function readDevkitClasses(bytes: Uint8Array<ArrayBuffer>, path: string): Promise<DevkitClasses> {
  const classes = new Map<number, string>();
  for (const synset of await readMatStructs(bytes, "synsets", path)) {
    const [id] = synset.get("ILSVRC2012_ID") ?? [];
    const wordNetId = synset.get("WNID");
    // Beyond 1000 come the groups of classes.
    if (typeof id === "number" && id <= 1000 && typeof wordNetId === "string") classes.set(id, wordNetId);
  }
  if (classes.size !== 1000) {
    throw new DataError(`${path}: expected the 1000 classes of ILSVRC-2012, found ${classes.size}`);
  }
  return classes;
}

/** True where every line is a bare number, as in the development kit's own file. */
export function isDevkitGroundTruth(text: string): boolean {
  return linesOf(text).every((line) => /^\d+$/.test(line));
}

/**
 * Class indices of `names` (file names without folders, sorted) from `text`, one line an image, in one of four forms:
 * a WordNet id a line, in the order of the sorted names; the development kit's number a line, which needs its class
 * table; "NAME n########"; or "NAME INDEX" with the index 0..999 of the classes sorted by WordNet id. Throws DataError.
 */
export function readGroundTruth(
  text: string,
  names: readonly string[],
  path: string,
  devkitClasses: DevkitClasses = new Map(),
): number[] {
  const lines = linesOf(text);
  const hasNames = lines.every((line) => /\s/.test(line));
  if (!hasNames && lines.length !== names.length) {
    throw new DataError(`${path}: has ${lines.length} lines for ${names.length} images`);
  }
  const labels = new Map(lines.map((line, i) => {
    const [name, label] = hasNames ? line.split(/\s+/) : [names[i], devkitClasses.get(Number(line)) ?? line];
    return [name.slice(name.lastIndexOf("/") + 1), { label, line: i + 1 }];
  }));
  return names.map((name) => {
    const found = labels.get(name);
    if (!found) throw new DataError(`${path}: no line for the image ${name}`);
    return classIndex(found.label, hasNames, `${path}, line ${found.line}`);
  });
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

function classIndex(label: string, mayBeIndex: boolean, where: string): number {
  const index = mayBeIndex && /^\d{1,3}$/.test(label) ? Number(label) : imagenetIndex(label);
  if (index === undefined) {
    const expected = mayBeIndex ? "a WordNet id of ImageNet-1k or a class index 0..999" : "a WordNet id of ImageNet-1k";
    throw new DataError(`${where}: expected ${expected}, found ${excerpt(label)}`);
  }
  return index;
}
