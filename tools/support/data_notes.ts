/**
 * Checks and notes about a data set and the model that it is used with.
 *
 * @module
 */

import type { ModelClasses } from "../../src/data/labels/class_numbers.ts";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import type { Model } from "../../src/models/model/model.ts";
import { printable } from "./printable.ts";
import { yellow } from "./style.ts";

/** Returns what the class numbering of a data set needs to know about a model. */
export function classesOf({ config: { numClasses }, classNames }: Model): ModelClasses {
  return { numClasses, classNames };
}

/** Prints the notes and warnings of data sets on stderr, one per line. */
export function printDataNotes(...sets: readonly Dataset[]): void {
  for (const { notes = [], warnings = [] } of sets) {
    for (const note of notes) console.error(printable(note));
    for (const warning of warnings) console.error(yellow(`warning: ${printable(warning)}`));
  }
}
