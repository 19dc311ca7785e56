/**
 * Reads a JSON file with the class of each folder: {"folder": class index, ...}.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { type ClassNumbers, type ModelClasses, withUnnamed } from "./class_numbers.ts";
import { readJson } from "../files/read.ts";

const FORM = '{"folder": class index, ...}';
const MOST = 999_999;

/** The content of a labels file. */
export interface Labels {
  /** Returns whether the file contains the folder. */
  names(folder: string): boolean;
  /**
   * Returns the classes of folders. Throws DataError if the file lacks one of them, or names a class that the model
   * does not have.
   */
  numbersOf(folders: readonly string[], model?: ModelClasses): ClassNumbers;
}

/** Reads a labels file. Throws DataError. */
export async function readLabels(path: string): Promise<Labels> {
  const json = await readJson(path);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new DataError(`${path}: expected a JSON object ${FORM}`);
  }
  const labels = new Map<string, unknown>(Object.entries(json));
  return {
    names: (folder) => labels.has(folder),
    numbersOf(folders, model) {
      const most = model && !model.adapts ? model.numClasses - 1 : MOST;
      for (const folder of folders) {
        const index = labels.get(folder);
        if (isIndex(index, most)) continue;
        throw new DataError(
          `${path}: expected a class index${model && !model.adapts ? ` from 0 to ${most}` : ""} for the folder ` +
            `${excerpt(folder)}, found ${excerpt(index)}; the form is ${FORM}`,
        );
      }
      // Folders that do not exist have classes too, so that train/ and val/ get the same classes.
      const classes: string[] = [];
      for (const [folder, index] of labels) if (isIndex(index, most)) classes[index] ??= folder;
      return {
        indexOf: new Map(folders.map((folder) => [folder, labels.get(folder) as number])),
        classes: withUnnamed(classes, Math.max(classes.length, model && !model.adapts ? model.numClasses : 0)),
      };
    },
  };
}

function isIndex(value: unknown, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= most;
}
