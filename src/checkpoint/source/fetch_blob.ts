/**
 * Downloads into a Blob if there is no disk. A browser may store a Blob outside of memory.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";

/**
 * Downloads `url`. Calls `onProgress` with the number of bytes so far, and the total if the server gives it. Throws
 * CheckpointError if the download is incomplete. `name` is the address in messages.
 */
export async function fetchBlob(
  url: string,
  name: string,
  onProgress: (done: number, total: number | undefined) => void = () => {},
): Promise<Blob> {
  try {
    const response = await fetch(url);
    if (!response.ok || !response.body) throw new CheckpointError(`${name}: the server answers ${response.status}`);
    // The length of a compressed response is not that of its content.
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
