/**
 * Files that a command is going to write.
 *
 * @module
 */

import { dirname } from "node:path";
import { DataError } from "../../src/errors.ts";

/** Throws DataError where `path`, if there is one, has no folder to lie in: better before hours of work than after. */
export async function checkFolderOf(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const folder = dirname(path);
  try {
    if ((await Deno.stat(folder)).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new DataError(`cannot write ${path}: there is no folder ${folder}`);
}
