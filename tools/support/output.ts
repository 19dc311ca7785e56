/**
 * Checks the paths that a command will write.
 *
 * @module
 */

import { dirname } from "node:path";
import { DataError } from "../../src/errors.ts";

/**
 * Throws DataError if `path` is a folder or its folder does not exist. Does nothing if `path` is undefined. The check
 * comes before hours of work, not after.
 */
export async function checkFolderOf(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  if (/[\\/]$/.test(path) || (await Deno.stat(path).catch(() => undefined))?.isDirectory) {
    throw new DataError(`cannot write ${path}: it is a folder; name a file in it`);
  }
  const folder = dirname(path);
  let cause: unknown;
  try {
    if ((await Deno.stat(folder)).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    cause = error;
  }
  throw new DataError(`cannot write ${path}: there is no folder ${folder}`, { cause });
}
