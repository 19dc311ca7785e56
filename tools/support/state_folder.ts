/**
 * Where tools keep what they find out: `.odconv` in the current folder, unless a flag names a file elsewhere.
 *
 * @module
 */

import { dirname } from "node:path";
import { writeFile } from "../../src/checkpoint/write/file.ts";
import { DataError } from "../../src/errors.ts";
import { checkFolderOf } from "./output.ts";

const FOLDER = ".odconv";

/** The file that a flag names, or the usual one. */
export function stateFile(given: string | undefined, usual: string): string {
  return given ?? `${FOLDER}/${usual}`;
}

/**
 * Writes such a file; makes the folder where it is the usual one. Of two processes that write it at once, the one that ends
 * last is kept. Throws DataError where that fails.
 */
export async function writeState(path: string, text: string): Promise<void> {
  if (dirname(path) === FOLDER) await Deno.mkdir(FOLDER, { recursive: true });
  await checkFolderOf(path);
  // Processes of two containers may have the same number.
  const part = `${path}.${crypto.randomUUID()}.part`;
  await writeFile(path, (write) => write(new TextEncoder().encode(text)), DataError, part);
}
