/**
 * The sources of a checkpoint's bytes: a file, a Blob (from a browser's file picker) or a buffer.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { whyMissing } from "../../unreadable_name.ts";
import { explainFolder } from "./foreign_folder.ts";
import type { ByteSource } from "../tensors/state_dict.ts";

/** A source of bytes in memory. Reads return views, which the caller must not write to. */
export function fromBytes(name: string, bytes: Uint8Array<ArrayBuffer>): ByteSource {
  return {
    name,
    size: bytes.length,
    read(offset, length) {
      return attempt(() => {
        checkRange(name, bytes.length, offset, length);
        return bytes.subarray(offset, offset + length);
      });
    },
  };
}

/** A source that reads a Blob or a File. */
export function fromBlob(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange(name, blob.size, offset, length);
      const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      if (bytes.length !== length) throw ended(name, offset, length);
      return bytes;
    },
  };
}

/**
 * Returns the path of a "file:" URL. Any other text is returned unchanged. Throws CheckpointError if the URL is
 * invalid.
 */
export function pathOf(source: string): string {
  if (!source.startsWith("file:")) return source;
  try {
    const { host, pathname } = new URL(source);
    const path = decodeURIComponent(pathname).replace(/^\/(?=[A-Za-z]:)/, "");
    if (host === "" && !path.includes("\0")) return path;
  } catch {
    // Not a URL.
  }
  throw new CheckpointError(`${source}: not the URL of a file on this machine`);
}

/**
 * Opens a file on disk for random access. Throws CheckpointError if it does not exist or is not a file. Close the
 * source after use.
 */
export async function fromFile(path: string): Promise<ByteSource> {
  return fromOpenFile(path, await openFile(path));
}

/** A source that reads an open file. Its size is the file's current size. Closing the source closes the file. */
export function fromOpenFile(name: string, file: Deno.FsFile): ByteSource {
  const { size } = file.statSync();
  return {
    name,
    size,
    read(offset, length) {
      // Seek and read synchronously. Otherwise two concurrent reads would move each other's position.
      return attempt(() => {
        checkRange(name, size, offset, length);
        const bytes = allocate(name, length);
        file.seekSync(offset, Deno.SeekMode.Start);
        for (let done = 0; done < length;) {
          const n = file.readSync(bytes.subarray(done));
          if (n === null) throw ended(name, offset, length);
          done += n;
        }
        return bytes;
      });
    },
    close: () => file.close(),
  };
}

async function openFile(path: string): Promise<Deno.FsFile> {
  let folder: string | undefined;
  try {
    // Must run before the file is opened: opening a named pipe waits for a writer.
    const { isFile, isDirectory } = await Deno.stat(path);
    if (isFile) return await Deno.open(path);
    if (isDirectory) folder = await explainFolder(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new CheckpointError(`${path}: there is no such file${whyMissing(path)}`, { cause: error });
    }
    throw new CheckpointError(`${path}: cannot be read: ${(error as Error).message}`);
  }
  throw new CheckpointError(`${path}: ${folder ?? "not a file but a device or a pipe"}`);
}

/** Runs a synchronous read. If it throws, the promise rejects. */
function attempt<T>(read: () => T): Promise<T> {
  return new Promise((resolve) => resolve(read()));
}

function checkRange(name: string, size: number, offset: number, length: number): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!whole || offset + length > size) throw ended(name, offset, length, size);
}

function allocate(name: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CheckpointError(`${name}: ${length} bytes in one piece do not fit into memory`);
  }
}

function ended(name: string, offset: number, length: number, size?: number): CheckpointError {
  const found = size === undefined ? "it became shorter while it was read" : `it has ${size}`;
  return new CheckpointError(
    `${name}: truncated or damaged: bytes ${offset} to ${offset + length} are needed, ${found}`,
  );
}
