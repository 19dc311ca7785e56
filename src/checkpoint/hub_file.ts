/**
 * What the Hugging Face hub says of a file, and whether the file that arrived is that one.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";
import { fromFile } from "./source.ts";

/** A file on the hub. */
export interface HubFile {
  /** Length in bytes, where the hub says. */
  readonly size?: number;
  /** Its hash: SHA-256 where it is kept by Git LFS, else Git's own SHA-1; undefined where it is neither. */
  readonly hash?: { readonly algorithm: "sha256" | "git"; readonly hex: string };
}

/**
 * The one file that the hub's answer to paths-info describes; undefined where there is none. Throws CheckpointError where one
 * of its ids is no plain name: the cache's files are called after them.
 */
export function readHubFile(answer: unknown): HubFile | undefined {
  const file = Array.isArray(answer) ? record(answer[0]) : undefined;
  if (!file) return undefined;
  const lfs = record(file.lfs), commit = record(file.lastCommit);
  for (const id of [file.oid, file.xetHash, lfs?.oid, commit?.id]) {
    if (id === undefined || id === null || (typeof id === "string" && /^\w[\w.-]{0,127}$/.test(id))) continue;
    throw new CheckpointError(`the hub calls it ${excerpt(id)}, which is not a plain name`);
  }
  const size = [lfs?.size, file.size].find((n): n is number => Number.isSafeInteger(n));
  const sha256 = hexadecimal(lfs?.oid, 64), git = hexadecimal(lfs ? undefined : file.oid, 40);
  const hash = sha256
    ? { algorithm: "sha256" as const, hex: sha256 }
    : git
    ? { algorithm: "git" as const, hex: git }
    : undefined;
  return { size, hash };
}

/** Throws Error, and removes the file from the cache, where it is not what the hub has. */
export async function verifyHubFile(path: string, { size, hash }: HubFile): Promise<void> {
  const found = await describe(path, hash?.algorithm);
  const wrong = size !== undefined && found.size !== size
    ? `has ${found.size} bytes, ${size} expected`
    : hash && found.hex !== hash.hex
    ? `has the hash ${found.hex}, ${hash.hex} expected`
    : undefined;
  if (!wrong) return;
  // The cache's entry is a link to its bytes.
  await Deno.remove(await Deno.realPath(path));
  await Deno.remove(path).catch(() => {});
  throw new Error(`the file arrived damaged: it ${wrong}`);
}

async function describe(path: string, algorithm: "sha256" | "git" = "sha256"): Promise<{ size: number; hex: string }> {
  const { createHash } = await import("node:crypto");
  const source = await fromFile(path);
  try {
    const hash = createHash(algorithm === "git" ? "sha1" : "sha256");
    if (algorithm === "git") hash.update(`blob ${source.size}\0`);
    const chunk = 4 << 20;
    for (let at = 0; at < source.size; at += chunk) {
      hash.update(await source.read(at, Math.min(chunk, source.size - at)));
    }
    return { size: source.size, hex: hash.digest("hex") };
  } finally {
    source.close?.();
  }
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
}

function hexadecimal(value: unknown, length: number): string | undefined {
  return typeof value === "string" && value.length === length && /^[0-9a-f]+$/.test(value) ? value : undefined;
}
