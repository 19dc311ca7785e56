/**
 * Suggests a folder if the given one looks wrong: the right one may be one level up or down.
 *
 * @module
 */

import type { ModelClasses } from "../labels/class_numbers.ts";
import { foldersIn } from "./folder_walk.ts";
import { imagenetIndex } from "../labels/imagenet.ts";

/** Usual names of a data set's splits. Those used for evaluation come first. */
const PARTS = [
  "val",
  "valid",
  "validation",
  "test",
  "testing",
  "train",
  "training",
  "images",
  "image",
  "imgs",
  "data",
  "dataset",
];

/** The most folders that are checked. There may be thousands. */
const MOST = 20;

/** Returns whether all folders have names of splits. */
export function areParts(folders: readonly string[]): boolean {
  return folders.length > 0 && folders.every((folder) => PARTS.includes(folder.toLowerCase()));
}

/** Returns "; is PATH meant, which has N folders?", or "" if there is no better folder nearby. */
export async function hintAt(root: string, folders: readonly string[], model?: ModelClasses): Promise<string> {
  const path = root.replace(/[\\/]+$/, "");
  const lower = await below(path, folders, 2);
  const near = lower.length ? lower : await above(path, folders.length === 0, model);
  const best = near.find(({ folders }) => folders === model?.numClasses) ?? near[0];
  return best ? `; is ${best.path} meant, which has ${best.folders} folders?` : "";
}

interface Candidate {
  readonly path: string;
  readonly folders: number;
}

async function below(root: string, folders: readonly string[], depth: number): Promise<Candidate[]> {
  const rank = (folder: string) => (PARTS.indexOf(folder.toLowerCase()) + PARTS.length + 1) % (PARTS.length + 1);
  const found: Candidate[] = [];
  for (const folder of folders.toSorted((a, b) => rank(a) - rank(b)).slice(0, MOST)) {
    const path = `${root}/${folder}`;
    const inner = await foldersIn(path);
    if (inner.length > 1 && !areParts(inner)) found.push({ path, folders: inner.length });
    else if (depth > 1) found.push(...await below(path, inner, depth - 1));
  }
  return found;
}

/**
 * Returns the parent folder if this folder looks like one of its classes: it has no folders, or has the name of a
 * class.
 */
async function above(root: string, isBare: boolean, model?: ModelClasses): Promise<Candidate[]> {
  const parent = await parentOf(root);
  if (parent === undefined) return [];
  const siblings = await foldersIn(parent);
  const name = root.slice(Math.max(root.lastIndexOf("/"), root.lastIndexOf("\\")) + 1);
  const isClass = isBare || siblings.length === model?.numClasses || imagenetIndex(name) !== undefined ||
    model?.classNames?.includes(name);
  return isClass && siblings.length > 1 && !areParts(siblings) ? [{ path: parent, folders: siblings.length }] : [];
}

/** Returns the parent folder of `path`, or undefined for the root. */
export async function parentOf(path: string): Promise<string | undefined> {
  const real = await Deno.realPath(path).catch(() => "");
  return /^(.+)[\\/][^\\/]+$/.exec(real)?.[1];
}
