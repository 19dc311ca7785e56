/**
 * Where a checkpoint's bytes come from: a file, a Blob (what a browser's file picker gives) or a buffer.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { whyMissing } from "../../unreadable_name.ts";
import { explainFolder } from "./foreign_folder.ts";
import type { ByteSource } from "../tensors/state_dict.ts";

/** Bytes in memory. Reads are views: whoever reads them must not write to them. */
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

/** A Blob or a File. */
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

/** The path that a "file:" URL names; any other text is a path as it is. Throws CheckpointError where the URL is none. */
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

/** A file on disk, read at random. Throws CheckpointError where it is not there or not a file. Close it when done. */
export async function fromFile(path: string): Promise<ByteSource> {
  return fromOpenFile(path, await openFile(path));
}

/** A file that is open for reading, as long as it is now. Closing the source closes it. */
export function fromOpenFile(name: string, file: Deno.FsFile): ByteSource {
  const { size } = file.statSync();
  return {
    name,
    size,
    read(offset, length) {
      // Seek and read in one go: were they asynchronous, two reads at once would move each other's position.
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
    // Before it is opened: opening a named pipe waits for somebody to write to it.
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

/** Runs a synchronous read so that what it throws rejects the promise instead. */
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
