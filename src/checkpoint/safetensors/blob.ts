import { cast } from "../tensors/float32.ts";
import { encodeSafetensorsHeader } from "./safetensors.ts";
import type { StateDict } from "../tensors/state_dict.ts";

/**
 * A safetensors file as a Blob, for a page to offer as a download: the tensors, floating-point ones as float32, and
 * strings about them (encodeMetadata makes those of a converted model). Throws CheckpointError where a tensor cannot be
 * read or converted.
 */
export async function safetensorsBlob(tensors: StateDict, metadata: Readonly<Record<string, string>>): Promise<Blob> {
  const converted: StateDict = new Map([...tensors].map(([name, tensor]) => [name, cast(name, tensor, "F32")]));
  const { header, order } = encodeSafetensorsHeader(converted, metadata);
  const parts: BlobPart[] = [header];
  for (const [, tensor] of order) parts.push(await tensor.read());
  return new Blob(parts, { type: "application/octet-stream" });
}
