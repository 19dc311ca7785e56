/**
 * Reads files. Errors contain the file's name.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { whyMissing } from "../../unreadable_name.ts";

/** The most bytes of a file that is read as a whole, such as an image. Real files are far smaller. */
const MOST_BYTES = 2 ** 30;

/**
 * Reads a file of at most `most` bytes. Throws DataError, also if it is not a regular file: devices and pipes have no
 * end.
 */
export async function readBytes(path: string, most: number = MOST_BYTES): Promise<Uint8Array<ArrayBuffer>> {
  return await withPath(path, async () => {
    await checkIsFile(path, most);
    return await Deno.readFile(path);
  });
}

/** Reads a text file of at most `most` bytes. It is UTF-8, or UTF-16 as Windows writes it. Throws DataError. */
export async function readText(path: string, most?: number): Promise<string> {
  const bytes = await readBytes(path, most);
  const mark = bytes[0] << 8 | bytes[1];
  return new TextDecoder(mark === 0xfffe ? "utf-16le" : mark === 0xfeff ? "utf-16be" : "utf-8").decode(bytes);
}

/** Opens a file for reading. Throws DataError. */
export async function openFile(path: string): Promise<Deno.FsFile> {
  return await withPath(path, async () => {
    await checkIsFile(path, Infinity);
    return await Deno.open(path);
  });
}

/** Must run before the file is opened: opening a named pipe waits for a writer. */
async function checkIsFile(path: string, most: number): Promise<void> {
  const { isFile, isDirectory, size } = await Deno.stat(path);
  if (!isFile) {
    throw new DataError(`${path}: expected a file, found a ${isDirectory ? "folder" : "device or a pipe"}`);
  }
  if (size > most) throw new DataError(`${path}: it has ${size} bytes, expected at most ${most}`);
}

/** Reads a JSON file. Throws DataError. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${path}: not a JSON file: ${(cause as Error).message}`, { cause });
  }
}

/** Runs `read` and turns system errors into a DataError with `path` in its message. */
export async function withPath<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    if (cause instanceof Deno.errors.NotFound) {
      throw new DataError(`${path}: no such file or folder${whyMissing(path)}`, { cause });
    }
    if (cause instanceof Deno.errors.NotADirectory) {
      throw new DataError(`${path}: expected a folder, found a file`, { cause });
    }
    if (cause instanceof Deno.errors.NotCapable) {
      throw new DataError(`${path}: Deno may not read it: run with --allow-read`, { cause });
    }
    throw new DataError(`${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
}
