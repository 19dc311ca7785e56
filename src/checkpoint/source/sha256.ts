/**
 * Computes the SHA-256 of files of any size. Web Crypto needs all bytes at once, so node:crypto is used if it exists.
 *
 * @module
 */

import type { ByteSource } from "../tensors/state_dict.ts";

const CHUNK = 4 * 1024 * 1024;

/**
 * Returns the SHA-256 of the sources' concatenated bytes in hexadecimal. Needs a few megabytes of memory at a time.
 */
export async function sha256(sources: readonly ByteSource[]): Promise<string> {
  if (typeof Deno === "undefined") return await sha256OfAll(sources);
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  for (const source of sources) {
    for (let at = 0; at < source.size; at += CHUNK) {
      hash.update(await source.read(at, Math.min(CHUNK, source.size - at)));
    }
  }
  return hash.digest("hex");
}

async function sha256OfAll(sources: readonly ByteSource[]): Promise<string> {
  const bytes = await new Blob(await Promise.all(sources.map((s) => s.read(0, s.size)))).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
