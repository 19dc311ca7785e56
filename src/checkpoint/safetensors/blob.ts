import { cast } from "../tensors/float32.ts";
import { encodeSafetensorsHeader } from "./safetensors.ts";
import type { StateDict } from "../tensors/state_dict.ts";

/**
 * Encodes a safetensors file as a Blob, for a web page to offer as a download. Floating-point tensors become float32.
 * `encodeMetadata` makes the metadata of a converted model.
 *
 * @throws {CheckpointError} if a tensor cannot be read or converted
 */
export async function safetensorsBlob(tensors: StateDict, metadata: Readonly<Record<string, string>>): Promise<Blob> {
  const converted: StateDict = new Map([...tensors].map(([name, tensor]) => [name, cast(name, tensor, "F32")]));
  const { header, order } = encodeSafetensorsHeader(converted, metadata);
  const parts: BlobPart[] = [header];
  for (const [, tensor] of order) parts.push(await tensor.read());
  return new Blob(parts, { type: "application/octet-stream" });
}
