/**
 * A folder of class folders of images, as torchvision's ImageFolder reads it.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Dataset, Sample } from "./dataset.ts";
import { readBytes, readJson, withPath } from "./files.ts";
import { IMAGENET_NAMES, imagenetIndex } from "./imagenet.ts";
import { IMAGENET } from "./preprocessing.ts";

/** torchvision's IMG_EXTENSIONS: which files are images. */
const EXTENSIONS = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/** The class index of each folder, and the class names. */
interface Labelling {
  readonly indexOf: ReadonlyMap<string, number>;
  readonly classes: readonly string[];
}

/**
 * Opens `root`, whose folders are the classes: all WordNet ids of ImageNet-1k (their ILSVRC index), all whole numbers
 * (the class itself), else 0, 1, 2, ... by sorted name. `labelsFile`, JSON of {"folder": index, ...}, overrides. Images
 * lie in the folders at any depth. Throws DataError.
 */
export async function openImageFolder(root: string, labelsFile?: string): Promise<Dataset> {
  const folders = await subfolders(root);
  if (folders.length === 0) {
    throw new DataError(
      `${root}: expected a folder with one folder a class (such as n01440764), found no folders in it`,
    );
  }
  const { indexOf, classes } = labelsFile
    ? labelsFromFile(await readJson(labelsFile), folders, labelsFile)
    : labelsFromNames(folders);

  const samples: Sample[] = [];
  for (const folder of folders) {
    const label = indexOf.get(folder)!;
    for (const file of await images(root, folder)) samples.push({ file, label });
  }
  if (samples.length === 0) {
    throw new DataError(`${root}: no images in its ${folders.length} folders (looked for ${EXTENSIONS.join(", ")})`);
  }
  const path = (index: number) => `${root}/${samples[index].file}`;
  return {
    name: root,
    classes,
    numClasses: classes.length,
    length: samples.length,
    preprocessing: IMAGENET,
    item: (index: number): Sample => samples[index],
    path,
    load: (index: number): Promise<Uint8Array<ArrayBuffer>> => readBytes(path(index)),
    close: () => {},
  };
}

function labelsFromNames(folders: readonly string[]): Labelling {
  if (folders.every((folder) => imagenetIndex(folder) !== undefined)) {
    return { indexOf: new Map(folders.map((folder) => [folder, imagenetIndex(folder)!])), classes: IMAGENET_NAMES };
  }
  if (folders.every((folder) => /^\d{1,6}$/.test(folder))) {
    return withNames(new Map(folders.map((folder) => [folder, Number(folder)])));
  }
  return { indexOf: new Map(folders.map((folder, index) => [folder, index])), classes: folders };
}

function labelsFromFile(labels: unknown, folders: readonly string[], path: string): Labelling {
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) {
    throw new DataError(`${path}: expected a JSON object {"folder": class index, ...}`);
  }
  const indexOf = new Map<string, number>();
  for (const folder of folders) {
    const index: unknown = Object.hasOwn(labels, folder) ? (labels as Record<string, unknown>)[folder] : undefined;
    if (!Number.isInteger(index) || Number(index) < 0 || Number(index) > 999_999) {
      const found = index === undefined ? "nothing" : JSON.stringify(index);
      throw new DataError(`${path}: expected a class index for the folder "${folder}", found ${found}`);
    }
    indexOf.set(folder, Number(index));
  }
  return withNames(indexOf);
}

/** Classes named by their folders; those without a folder, by their number. */
function withNames(indexOf: ReadonlyMap<string, number>): Labelling {
  const highest = [...indexOf.values()].reduce((a, b) => Math.max(a, b), -1);
  const classes = Array.from({ length: highest + 1 }, (_, index) => String(index));
  for (const [folder, index] of indexOf) classes[index] = folder;
  return { indexOf, classes };
}

/** Sorts as Python does, by code point; JavaScript's own order is by UTF-16 unit, which differs beyond U+FFFF. */
export function byCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

async function entries(path: string): Promise<Deno.DirEntry[]> {
  return await withPath(path, () => Array.fromAsync(Deno.readDir(path)));
}

/** Names of the folders in `root` (links to folders included), sorted. */
async function subfolders(root: string): Promise<string[]> {
  const names: string[] = [];
  for (const { name, isDirectory, isSymlink } of await entries(root)) {
    const linked = isSymlink && (await Deno.stat(`${root}/${name}`).catch(() => null))?.isDirectory;
    if (isDirectory || linked) names.push(name);
  }
  return names.sort(byCodePoint);
}

/**
 * The images of `root`/`folder` in torchvision's order: all folders of the class by their whole path, and the files of
 * each by name. Links to folders below a class are not followed, so that no loop can form.
 */
async function images(root: string, folder: string): Promise<string[]> {
  const filesOf = new Map<string, string[]>();
  const waiting = [folder];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const files: string[] = [];
    for (const { name, isDirectory } of await entries(`${root}/${path}`)) {
      if (isDirectory) waiting.push(`${path}/${name}`);
      else if (EXTENSIONS.some((extension) => name.toLowerCase().endsWith(extension))) files.push(name);
    }
    filesOf.set(path, files.sort(byCodePoint));
  }
  const paths = [...filesOf.keys()].sort(byCodePoint);
  return paths.flatMap((path) => filesOf.get(path)!.map((name) => `${path}/${name}`));
}
