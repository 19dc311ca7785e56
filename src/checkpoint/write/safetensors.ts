/**
 * Writes safetensors files, one tensor in memory at a time.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { cast } from "../tensors/float32.ts";
import { byteLength, encodeSafetensorsHeader } from "../safetensors/safetensors.ts";
import type { StateDict } from "../tensors/state_dict.ts";
import { writeFile } from "./file.ts";

/** How writeSafetensors writes. */
export interface WriteOptions {
  /** The type of floating-point tensors; each keeps its own where this is left out. */
  readonly dtype?: "F32" | "F16";
  /** Called after every tensor with the bytes written so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes the tensors, in the map's order, to `path`: beside it first, under its name only when all of it is there.
 * Throws CheckpointError where a tensor cannot be read or converted, or the file not be written; nothing is left behind
 * then, and a file that was there stays.
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
  await writeFile(path, async (write) => {
    await write(header);
    let done = header.length;
    for (const [name, tensor] of order) {
      const bytes = await tensor.read();
      if (bytes.length !== byteLength(tensor)) {
        throw new CheckpointError(`${name}: ${byteLength(tensor)} bytes expected, ${bytes.length} read`);
      }
      await write(bytes);
      onProgress?.(done += bytes.length, size);
    }
  });
}
