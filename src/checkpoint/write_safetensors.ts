/**
 * Writes safetensors files, one tensor in memory at a time.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { cast } from "./float32.ts";
import { byteLength, encodeSafetensorsHeader } from "./safetensors.ts";
import type { StateDict } from "./state_dict.ts";

/** How writeSafetensors writes. */
export interface WriteOptions {
  /** The type of floating-point tensors; each keeps its own where this is left out. */
  readonly dtype?: "F32" | "F16";
  /** Called after every tensor with the bytes written so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes the tensors, in the map's order, to `path`: beside it first, under its name only when all of it is there.
 * Throws CheckpointError where a tensor cannot be read or converted; nothing is left behind then.
 */
export async function writeSafetensors(
  path: string,
  tensors: StateDict,
  metadata: Readonly<Record<string, string>>,
  { dtype, onProgress }: WriteOptions = {},
): Promise<void> {
  const converted: StateDict = dtype
    ? new Map([...tensors].map(([name, tensor]) => [name, cast(name, tensor, dtype)]))
    : tensors;
  const { header, order, size } = encodeSafetensorsHeader(converted, metadata);
  const part = `${path}.part`;
  const file = await Deno.open(part, { write: true, create: true, truncate: true });
  try {
    try {
      let done = await writeAll(file, header);
      for (const [name, tensor] of order) {
        const bytes = await tensor.read();
        if (bytes.length !== byteLength(tensor)) {
          throw new CheckpointError(`${name}: ${byteLength(tensor)} bytes expected, ${bytes.length} read`);
        }
        done += await writeAll(file, bytes);
        onProgress?.(done, size);
      }
    } finally {
      file.close();
    }
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part);
    throw error;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  return bytes.length;
}
