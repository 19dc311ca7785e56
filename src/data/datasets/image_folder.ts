/**
 * Reads a folder of class folders of images, as torchvision's ImageFolder does.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { type ClassNumbers, type ModelClasses, numberFolders } from "../labels/class_numbers.ts";
import type { Dataset, Sample } from "./dataset.ts";
import { readBytes } from "../files/read.ts";
import { areParts, hintAt } from "./folder_hints.ts";
import { type ClassFolder, walkClassFolders } from "./folder_walk.ts";
import { readLabels } from "../labels/labels_file.ts";
import { IMAGENET } from "../pixels/preprocessing.ts";
import { someOf } from "../../some_of.ts";

/** torchvision's IMG_EXTENSIONS: the file extensions of images. */
const EXTENSIONS = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/** Options of openImageFolder. */
export interface ImageFolderOptions {
  /** A JSON file, {"folder": index, ...}, that gives the class of each folder. */
  readonly labels?: string;
  /** The model that will use the images. Leave it out if the model is made for this data set. */
  readonly model?: ModelClasses;
}

/**
 * Opens `root`, whose folders are the classes (see `numberFolders`). Images may be at any depth inside a class folder.
 * Throws DataError, also if a class folder has no images.
 */
export async function openImageFolder(root: string, options: ImageFolderOptions = {}): Promise<Dataset> {
  const { model } = options;
  const labels = options.labels === undefined ? undefined : await readLabels(options.labels);
  const { folders, loose, notes } = await walkClassFolders(root, isImage, labels?.names);
  const names = folders.map(({ name }) => name);
  if (names.length === 0) {
    throw new DataError(
      `${root}: expected a folder with one folder a class (such as n01440764), found no folders in it` +
        (loose ? ` but images: ${loose}` : "") + await hintAt(root, names, model),
    );
  }
  await refuseEmpty(root, folders, model);
  const numbers = labels?.numbersOf(names, model) ?? numberFolders(root, names, model);
  const { indexOf, classes, note } = numbers;
  const samples = folders.flatMap(({ name, images }): Sample[] => {
    const label = indexOf.get(name)!;
    return images.map((file) => ({ file, label }));
  });
  const path = (index: number) => `${root}/${samples[index].file}`;
  return {
    name: root,
    classes,
    numClasses: classes.length,
    length: samples.length,
    preprocessing: IMAGENET,
    notes: note === undefined ? notes : [...notes, note],
    warnings: labels ? [] : await doubtAbout(root, names, numbers, model),
    item: (index: number): Sample => samples[index],
    path,
    load: (index: number): Promise<Uint8Array<ArrayBuffer>> => readBytes(path(index)),
    close: () => {},
  };
}

/**
 * Returns a warning if these folders look like the classes of another folder. It names the folder that may be meant.
 */
async function doubtAbout(
  root: string,
  names: readonly string[],
  { doubt, classes }: ClassNumbers,
  model?: ModelClasses,
): Promise<string[]> {
  const found = doubt ??
    (areParts(names) && classes !== model?.classNames
      ? `its folders ${someOf(names)} are called like parts of a data set`
      : undefined);
  return found === undefined ? [] : [`${root}: ${found}${await hintAt(root, names, model)}`];
}

/**
 * Refuses class folders without images, as ImageFolder does. They are usually a mistake, and they shift the numbers of
 * the other classes.
 */
async function refuseEmpty(root: string, folders: readonly ClassFolder[], model?: ModelClasses): Promise<void> {
  const empty = folders.filter(({ images }) => images.length === 0);
  if (!empty.length) return;
  const others = folders.filter(({ images }) => images.length).map(({ name }) => name);
  const found = empty.find(({ other }) => other !== undefined)?.other;
  throw new DataError(
    `${root}: no images in ${
      empty.length === 1 ? "its folder" : `${empty.length} of its ${folders.length} folders:`
    } ` +
      `${someOf(empty.map(({ name }) => name))} (looked for ${EXTENSIONS.join(", ")}` +
      `${found === undefined ? "" : `, found ${excerpt(found)}`}); every folder is a class: move away what is none` +
      (areParts(others) ? await hintAt(root, others, model) : ""),
  );
}

function isImage(name: string): boolean {
  return EXTENSIONS.some((extension) => name.toLowerCase().endsWith(extension));
}
