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

/** Options of writeSafetensors. */
export interface WriteOptions {
  /** The type of floating-point tensors. If left out, each keeps its own. */
  readonly dtype?: "F32" | "F16";
  /** Called after every tensor with the number of bytes so far and the total. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes the tensors to `path`, in the order of the map. It writes a temporary file next to `path` and renames it when
 * it is complete. If that fails, the temporary file is removed and an existing file stays.
 *
 * @throws {CheckpointError} if a tensor cannot be read or converted, or the file cannot be written
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
