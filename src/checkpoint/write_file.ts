/**
 * Writes files so that whoever looks sees either what was there before or all of the new one.
 *
 * @module
 */

import { CheckpointError, type DataError, isOdconvError } from "../errors.ts";

/** Writes bytes, all of them. */
export type Write = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/**
 * Writes a file as `path`.part and renames it when all of it is on the disk. Where `work` or the system fails, nothing is
 * left behind and `path` is what it was; a part that a killed program left is replaced. Throws what `work` throws, and
 * `ErrorClass` where the system refuses: the disk is full, the folder is not there.
 */
export async function writeFile(
  path: string,
  work: (write: Write) => Promise<void>,
  ErrorClass: typeof CheckpointError | typeof DataError = CheckpointError,
): Promise<void> {
  const part = partOf(path);
  try {
    await removeIfThere(part);
    // A new file: whatever else appeared under the name meanwhile, such as a link to another file, is not written to.
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
    if (!isRefusal(error)) {
      await removeIfThere(part);
      throw error;
    }
    await removeIfThere(part).catch(() => {});
    const full = error.code === "ENOSPC" || error.code === "EDQUOT";
    const why = full ? "the disk is full; free some space, or write elsewhere" : error.message;
    throw new ErrorClass(`${path}: cannot be written, and was left as it is: ${why}`);
  }
}

/** The name under which a file is written before it is whole. */
export function partOf(path: string): string {
  return `${path}.part`;
}

/** Whether an error is the system's, which says why in its code. */
function isRefusal(error: unknown): error is Error & { code: string } {
  if (error instanceof Deno.errors.NotCapable) return false;
  return error instanceof Error && "code" in error && typeof error.code === "string" && !isOdconvError(error);
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
