/**
 * Writes files atomically: a reader sees either the old file or the complete new one.
 *
 * @module
 */

import { CheckpointError, DataError, isOdconvError } from "../../errors.ts";

/** Writes all of the bytes. */
export type Write = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/**
 * Writes a file as `path`.part, or as `part`, and renames it after all of it is on the disk. If `work` or the system
 * fails, the part is removed and `path` is unchanged. A part left by a killed program is replaced. Throws what `work`
 * throws. Throws `ErrorClass` if the system refuses (the disk is full, the folder does not exist) or if `path` is a
 * device.
 */
export async function writeFile(
  path: string,
  work: (write: Write) => Promise<void>,
  ErrorClass: typeof CheckpointError | typeof DataError = CheckpointError,
  part = partOf(path),
): Promise<void> {
  const there = await Deno.lstat(path).catch(() => undefined);
  // Renaming would replace /dev/null by a file.
  if (there && !there.isFile && !there.isSymlink) {
    const what = there.isDirectory ? "a folder" : "a device or a pipe";
    throw new ErrorClass(`${path}: cannot be written, and was left as it is: it is ${what}, not a file`);
  }
  try {
    await removeIfThere(part);
    // Always a new file. Anything else under this name, such as a link to another file, is not written to.
    const file = await Deno.open(part, { write: true, createNew: true });
    try {
      await work(async (bytes) => {
        for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
      });
      await file.syncData();
    } finally {
      file.close();
    }
    await Deno.rename(part, path);
  } catch (error) {
    const why = refusalOf(error);
    if (why === undefined) {
      await removeIfThere(part);
      throw error;
    }
    await removeIfThere(part).catch(() => {});
    throw new ErrorClass(`${path}: cannot be written, and was left as it is: ${why}`);
  }
}

/** Appends bytes to an open file. Throws DataError with `path` in its message if the system refuses. */
export async function append(file: Deno.FsFile, path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  } catch (error) {
    const why = refusalOf(error);
    throw why === undefined ? error : new DataError(`${path}: cannot be written to: ${why}`);
  }
}

/** The name of a file while it is incomplete. */
export function partOf(path: string): string {
  return `${path}.part`;
}

/**
 * Returns why the system does not allow writing a file. Returns undefined for errors that are not the system's. System
 * errors have a code.
 */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.NotCapable || isOdconvError(error)) return undefined;
  if (!(error instanceof Error && "code" in error && typeof error.code === "string")) return undefined;
  const full = error.code === "ENOSPC" || error.code === "EDQUOT";
  return full ? "the disk is full; free some space, or write elsewhere" : error.message;
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
