/**
 * Prints how a checkpoint was read.
 *
 * @module
 */

import type { FoundNetwork } from "../../src/models/find/find_network.ts";
import { printable } from "./printable.ts";
import { yellow } from "./style.ts";

/** Prints a line to stderr for each choice that was made while the checkpoint `source` was read. */
export function printNotes(source: string, { notes }: Pick<FoundNetwork, "notes">): void {
  for (const note of notes) {
    // A name from the file can contain a line break.
    console.error(`${yellow("note")}: ${printable(`${source}: ${note}`).replaceAll("\n", " ")}`);
  }
}
