/**
 * Downloads where there is no disk: into a Blob, which a browser may keep outside of memory.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";

/**
 * Downloads `url`; `onProgress` hears the bytes that are there and the bytes in all, where the server says. Throws
 * CheckpointError, calling the address `name`, where it does not arrive in full.
 */
export async function fetchBlob(
  url: string,
  name: string,
  onProgress: (done: number, total: number | undefined) => void = () => {},
): Promise<Blob> {
  try {
    const response = await fetch(url);
    if (!response.ok || !response.body) throw new CheckpointError(`${name}: the server answers ${response.status}`);
    // A compressed answer's length is not that of its content.
    const length = response.headers.has("content-encoding") ? NaN : Number(response.headers.get("content-length"));
    const total = length > 0 ? length : undefined;
    let done = 0;
    const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        onProgress(done += chunk.length, total);
        controller.enqueue(chunk);
      },
    });
    return await new Response(response.body.pipeThrough(count)).blob();
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`${name}: the download failed: ${(error as Error).message}`);
  }
}
