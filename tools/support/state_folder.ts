/**
 * The files in which tools keep results for later runs: in `.odconv` in the current folder, unless a flag names another
 * file.
 *
 * @module
 */

import { dirname } from "node:path";
import { writeFile } from "../../src/checkpoint/write/file.ts";
import { DataError } from "../../src/errors.ts";
import { checkFolderOf } from "./output.ts";

const FOLDER = ".odconv";

/** Returns the file that a flag names, or the default file. */
export function stateFile(given: string | undefined, usual: string): string {
  return given ?? `${FOLDER}/${usual}`;
}

/**
 * Writes a state file. Creates the default folder if it is needed. If two processes write the file at once, the last
 * one wins. Throws DataError if writing fails.
 */
export async function writeState(path: string, text: string): Promise<void> {
  if (dirname(path) === FOLDER) await Deno.mkdir(FOLDER, { recursive: true });
  await checkFolderOf(path);
  // Not named by process id: processes of two containers can have the same one.
  const part = `${path}.${crypto.randomUUID()}.part`;
  await writeFile(path, (write) => write(new TextEncoder().encode(text)), DataError, part);
}
