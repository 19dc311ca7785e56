/**
 * Reads what the Hugging Face hub says about a file, and checks the downloaded file against it.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { fromOpenFile } from "../source/source.ts";

/** A file on the hub. */
export interface HubFile {
  /** The name of its bytes in the cache. */
  readonly id: string;
  /** The commit that last changed it. The cache stores the file under this commit. */
  readonly commit?: string;
  /** Length in bytes, if the hub gives it. */
  readonly size?: number;
  /** Its hash: SHA-256 if the file is in Git LFS, else Git's SHA-1. Undefined if it is neither. */
  readonly hash?: { readonly algorithm: "sha256" | "git"; readonly hex: string };
}

/**
 * Reads the one file in the hub's response to paths-info. Returns undefined if there is none. Throws CheckpointError if
 * one of its ids is not a plain name, because the cache uses them as file names. `name` is the file's name in the
 * message.
 */
export function readHubFile(answer: unknown, name: string): HubFile | undefined {
  const file = Array.isArray(answer) ? record(answer[0]) : undefined;
  if (!file) return undefined;
  const lfs = record(file.lfs);
  const plain = (id: unknown): string | undefined => {
    if (id === undefined || id === null) return undefined;
    if (typeof id === "string" && /^\w[\w.-]{0,127}$/.test(id)) return id;
    throw new CheckpointError(`${name}: the hub calls it ${excerpt(id)}, which is not a plain name`);
  };
  const ids = [lfs?.oid, file.xetHash, file.oid].map(plain);
  const commit = plain(record(file.lastCommit)?.id);
  const id = ids.find((id) => id !== undefined);
  if (id === undefined) throw new CheckpointError(`${name}: the hub does not say what it is called`);
  const size = [lfs?.size, file.size].find((n): n is number => Number.isSafeInteger(n));
  const sha256 = hexadecimal(lfs?.oid, 64), git = hexadecimal(lfs ? undefined : file.oid, 40);
  const hash = sha256
    ? { algorithm: "sha256" as const, hex: sha256 }
    : git
    ? { algorithm: "git" as const, hex: git }
    : undefined;
  return { id, commit, size, hash };
}

/** Returns how a file differs from the one on the hub, or undefined if they are equal. */
export async function checkHubFile(file: Deno.FsFile, { size, hash }: HubFile): Promise<string | undefined> {
  const source = fromOpenFile("the file", file);
  if (size !== undefined && source.size !== size) return `has ${source.size} bytes, ${size} expected`;
  if (!hash) return undefined;
  const { createHash } = await import("node:crypto");
  const sum = createHash(hash.algorithm === "git" ? "sha1" : "sha256");
  if (hash.algorithm === "git") sum.update(`blob ${source.size}\0`);
  const chunk = 4 << 20;
  for (let at = 0; at < source.size; at += chunk) {
    sum.update(await source.read(at, Math.min(chunk, source.size - at)));
  }
  const found = sum.digest("hex");
  return found === hash.hex ? undefined : `has the hash ${found}, ${hash.hex} expected`;
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
}

function hexadecimal(value: unknown, length: number): string | undefined {
  return typeof value === "string" && value.length === length && /^[0-9a-f]+$/.test(value) ? value : undefined;
}
