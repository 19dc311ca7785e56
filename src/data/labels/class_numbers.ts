/**
 * Decides the class of each folder: by the model's own class names, by ILSVRC's numbers, or by ImageFolder's numbering.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { IMAGENET_NAMES, imagenetIndex } from "./imagenet.ts";
import { someOf } from "../../some_of.ts";

/** What the numbering of folders needs to know about the model. */
export interface ModelClasses {
  /** The model's number of classes. */
  readonly numClasses: number;
  /** The class names by index, if the model has names. */
  readonly classNames?: readonly string[];
  /**
   * True if the model gets a new classifier when the folders are not its classes, as in training from existing weights.
   * If false, the folders must be its classes.
   * @default false
   */
  readonly adapts?: boolean;
}

/** The classes of folders. */
export interface ClassNumbers {
  /** The class of each folder. */
  readonly indexOf: ReadonlyMap<string, number>;
  /** Class names by index. */
  readonly classes: readonly string[];
  /** The numbering that was used and why, if there was a choice. */
  readonly note?: string;
  /** A reason to doubt that these folders are the model's classes. */
  readonly doubt?: string;
}

/** Number of ImageNet's classes. */
const ILSVRC = IMAGENET_NAMES.length;

/**
 * Assigns class numbers to folders, whose names are sorted. The first rule that fits applies:
 *
 * - the model's numbers, if every folder has the name of one of its classes;
 * - ILSVRC-2012's numbers, if all names are its WordNet ids and the model has 1000 classes, or the folders are all
 *   1000;
 * - the names themselves, if they are exactly 0 ... N-1 and the model's classes have other names;
 * - else 0, 1, 2, ... in the order of the names, as in ImageFolder.
 *
 * Leave `model` out if the model is made for the folders. Throws DataError, with the names of folders, if only some
 * folders fit a numbering, or if there are more folders than the model has classes.
 */
export function numberFolders(root: string, folders: readonly string[], model?: ModelClasses): ClassNumbers {
  return byModelNames(root, folders, model) ?? byIlsvrc(root, folders, model) ?? byNumbers(root, folders, model) ??
    inOrder(root, folders, model);
}

function byModelNames(root: string, folders: readonly string[], model?: ModelClasses): ClassNumbers | undefined {
  if (!model?.classNames) return undefined;
  const numbers = new Map<string, number | undefined>();
  // If two classes share a name, the name is ambiguous and means neither.
  model.classNames.forEach((name, index) => numbers.set(name, numbers.has(name) ? undefined : index));
  const strangers = folders.filter((folder) => numbers.get(folder) === undefined);
  if (strangers.length === folders.length || (strangers.length && model.adapts)) return undefined;
  if (strangers.length) {
    throw new DataError(
      `${root}: ${someOf(strangers)} ${isOrAre(strangers)} no class of the model, which has ${
        someOf(model.classNames)
      }; the other ${folders.length - strangers.length} of its ${folders.length} folders are. ${REMEDY}`,
    );
  }
  const indexOf = new Map(folders.map((folder) => [folder, numbers.get(folder)!]));
  const isSurprising = folders.some((folder, i) => indexOf.get(folder) !== i) || orAlone(folders, model) !== "";
  const note = `${root}: the folders have the names of the model's classes, and their numbers: ${examples(indexOf)}` +
    orAlone(folders, model);
  return { indexOf, classes: model.classNames, note: isSurprising ? note : undefined };
}

function byIlsvrc(root: string, folders: readonly string[], model?: ModelClasses): ClassNumbers | undefined {
  const strangers = folders.filter((folder) => imagenetIndex(folder) === undefined);
  const isWhole = folders.length === ILSVRC && !strangers.length;
  // All orders of the complete set of classes are equivalent.
  if (isWhole && (!model || model.adapts)) return { indexOf: ilsvrcNumbers(folders), classes: IMAGENET_NAMES };
  if (model?.numClasses !== ILSVRC || strangers.length > folders.length / 2) return undefined;
  const hasOthers = model.classNames && !model.classNames.some((name) => IMAGENET_NAMES.includes(name));
  if (hasOthers && model.adapts) return undefined;
  if (strangers.length) {
    throw new DataError(
      `${root}: ${
        folders.length - strangers.length
      } of its ${folders.length} folders are WordNet ids of ImageNet-1k, ` +
        `${someOf(strangers)} ${isOrAre(strangers)} not. ${REMEDY}${orAlone(folders, model)}`,
    );
  }
  const indexOf = ilsvrcNumbers(folders);
  const note = `${root}: the model has ${ILSVRC} classes, so that ${count(folders)} ` +
    `${folders.length === 1 ? "has its number" : "have their numbers"} in ILSVRC-2012: ${examples(indexOf)}` +
    orAlone(folders, model);
  const doubt = hasOthers
    ? `${count(folders)} of ImageNet, the model's classes have other names (${someOf(model.classNames!)})`
    : undefined;
  return { indexOf, classes: IMAGENET_NAMES, note: isWhole ? undefined : note, doubt };
}

/** If the model's classes have other names, such as words, a folder "10" can only mean class 10. */
function byNumbers(root: string, folders: readonly string[], model?: ModelClasses): ClassNumbers | undefined {
  const { length } = folders;
  const fits = model?.classNames && (model.adapts ? model.numClasses === length : model.numClasses >= length);
  const names = new Set(folders);
  if (!fits || !folders.every((_, i) => names.has(String(i)))) return undefined;
  const indexOf = new Map(folders.map((folder) => [folder, Number(folder)]));
  const note = length > 10
    ? `${root}: the folders are numbers, and the model's classes have other names: ${examples(indexOf)}, which ` +
      "ImageFolder would number by the order of the names as text"
    : undefined;
  // If there are few folders for many classes, they are probably classes of something else.
  const doubt = 10 * length < model.numClasses ? fewer(folders, model.numClasses) : undefined;
  return { indexOf, classes: model.classNames!, note, doubt };
}

/** Numbers folders by the order of their names, as torchvision's ImageFolder does. */
function inOrder(root: string, folders: readonly string[], model?: ModelClasses): ClassNumbers {
  const fixed = model?.adapts ? undefined : model?.numClasses;
  if (fixed !== undefined && folders.length > fixed) {
    throw new DataError(
      `${root}: it has ${folders.length} class folders (${someOf(folders)}), the model has ${fixed} classes`,
    );
  }
  const indexOf = new Map(folders.map((folder, index) => [folder, index]));
  const classes = withUnnamed(folders, fixed);
  return { indexOf, classes, note: orderNote(root, folders, indexOf), doubt: orderDoubt(folders, model) };
}

/** Notes what may be surprising in that order. */
function orderNote(root: string, folders: readonly string[], indexOf: ReadonlyMap<string, number>): string | undefined {
  const isNumbers = folders.every((folder) => /^\d+$/.test(folder));
  if (isNumbers && folders.some((folder, i) => Number(folder) !== i)) {
    return `${root}: the folders are numbered in the order of their names as text, as ImageFolder does, not by their ` +
      `numbers: ${examples(indexOf, Number)}; --labels FILE says otherwise`;
  }
  const strangers = folders.filter((folder) => imagenetIndex(folder) === undefined);
  if (strangers.length > folders.length / 2) return undefined;
  return `${root}: the folders are WordNet ids${
    strangers.length ? ` but for ${someOf(strangers)}` : ""
  }, numbered 0 to ` +
    `${folders.length - 1} in the order of their names; a model of ${ILSVRC} classes would take ILSVRC's numbers`;
}

function orderDoubt(folders: readonly string[], model?: ModelClasses): string | undefined {
  if (!model || model.adapts) {
    return folders.length === 1 ? `${count(folders)}, a network needs at least 2 classes` : undefined;
  }
  const { numClasses, classNames } = model;
  const isNumbers = folders.every((folder, i) => folder === String(i));
  if (folders.length < numClasses && !(isNumbers && 10 * folders.length >= numClasses)) {
    return fewer(folders, numClasses);
  }
  if (!classNames) return undefined;
  return `${count(folders)}, none of which has the name of a class of the model (${someOf(classNames)}): they are ` +
    "numbered in the order of their names";
}

function fewer(folders: readonly string[], numClasses: number): string {
  return `${count(folders)}, the model has ${numClasses} classes`;
}

/** Returns names for `length` classes. A class without a name is named by its number. */
export function withUnnamed(names: readonly (string | undefined)[], length: number = names.length): string[] {
  return Array.from({ length }, (_, index) => names[index] ?? `class ${index}`);
}

const REMEDY = "Move away what is no class, or say with --labels FILE which class each folder is";

function ilsvrcNumbers(folders: readonly string[]): ReadonlyMap<string, number> {
  return new Map(folders.map((folder) => [folder, imagenetIndex(folder)!]));
}

/** Returns another remedy for training that keeps a classifier with more classes than there are folders. */
function orAlone({ length }: readonly string[], { numClasses, adapts }: ModelClasses): string {
  return adapts && length < numClasses ? `; --num-classes ${length} trains a classifier of these alone` : "";
}

/**
 * Returns two example folders for messages. It prefers folders whose number is not their place in the order, or not
 * `usual`.
 */
function examples(indexOf: ReadonlyMap<string, number>, usual = (_: string, place: number) => place): string {
  const all = [...indexOf];
  const other = all.filter(([folder, index], place) => usual(folder, place) !== index);
  const two = (other.length ? other : all).slice(0, 2);
  return two.map(([folder, index]) => `${excerpt(folder)} is class ${index}`).join(", ");
}

function count(folders: readonly string[]): string {
  return `${folders.length} class folder${folders.length === 1 ? "" : "s"} (${someOf(folders)})`;
}

function isOrAre({ length }: readonly string[]): string {
  return length === 1 ? "is" : "are";
}
