/**
 * Reading files with errors that name them.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** The bytes of a file. Throws DataError. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return await withPath(path, () => Deno.readFile(path));
}

/** The text of a file. Throws DataError. */
export async function readText(path: string): Promise<string> {
  return await withPath(path, () => Deno.readTextFile(path));
}

/** What a JSON file holds. Throws DataError. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${path}: not a JSON file: ${(cause as Error).message}`, { cause });
  }
}

/** Runs `read`, turning the system's refusals into a DataError that names `path`. */
export async function withPath<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) throw new DataError(`${path}: no such file or folder`, { cause });
    if (cause instanceof Deno.errors.NotADirectory) {
      throw new DataError(`${path}: expected a folder, found a file`, { cause });
    }
    if (cause instanceof Deno.errors.IsADirectory) {
      throw new DataError(`${path}: expected a file, found a folder`, { cause });
    }
    if (cause instanceof Deno.errors.NotCapable) {
      throw new DataError(`${path}: Deno may not read it: run with --allow-read`, { cause });
    }
    throw new DataError(`${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
}
