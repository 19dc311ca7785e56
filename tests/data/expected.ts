/** Reads the results of PIL and PyTorch for the fixtures, and compares with them. */

import expected from "../fixtures/images.json" with { type: "json" };

/** By file name: the size and the SHA-256 of the RGB bytes of PIL's `convert("RGB")`. */
export const files: Readonly<Record<string, { width: number; height: number; sha256: string }>> = expected.files;

/** Names of the files that PIL refuses. */
export const refused = expected.refused;

/** Formula images through Resize(256) and CenterCrop(224). */
export const resizes = expected.resizes;

/** Formula images through PIL's resize with either filter, and a window of the result. */
export const windows = expected.windows;

/** Formula images through CenterCrop(side). */
export const crops = expected.crops;

/** A ramp of all byte levels through ToTensor and Normalize, float32 bytes. */
export const ramps = expected.ramps;

/** A fixture image's bytes. */
export function readFixture(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(`../fixtures/images/${name}`, import.meta.url));
}

/** SHA-256 in hexadecimal. */
export async function sha256(bytes: Uint8Array | Float32Array): Promise<string> {
  const copy = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", copy));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
