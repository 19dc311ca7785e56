/**
 * Downloads checkpoints from the Hugging Face hub. The hub's own client finds them. They are stored in the same cache
 * as Python's (HF_HOME, HF_HUB_CACHE). A token gives access to private and gated repositories.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { download } from "./http.ts";
import { asCheckpointError, connect, type Connection, hintOf, hubClient } from "./client.ts";
import type { HubOptions } from "./options.ts";
import { checkHubFile, type HubFile, readHubFile } from "./file.ts";
import { formatHubReference, type HubReference } from "./reference.ts";
import { Broken, retry } from "./retry.ts";

/** Possible names of a repository's checkpoint, the best one first. */
const CANDIDATES: readonly RegExp[] = [
  /^model\.safetensors$/,
  /^model\.safetensors\.index\.json$/,
  /^[^/\\]+\.safetensors$/,
  /^pytorch_model\.bin$/,
  /^pytorch_model\.bin\.index\.json$/,
  /^[^/\\]+\.(pth|pth\.tar|pt|bin)$/,
];
/** Maximum number of a repository's files that are checked. */
const MAX_FILES = 10_000;

/** Finds the file that is the repository's checkpoint. Throws CheckpointError if there is none, or more than one. */
export async function findHubFile(reference: HubReference, options: HubOptions = {}): Promise<string> {
  const { listFiles } = await hubClient();
  const { hubUrl, fetch } = connect(reference, options);
  const { repo, revision } = reference;
  const names: string[] = [];
  await asCheckpointError(reference, async () => {
    for await (const { type, path } of listFiles({ repo, revision, hubUrl, fetch, recursive: true })) {
      if (type === "file") names.push(path);
      if (names.length >= MAX_FILES) break;
    }
  });
  for (const candidate of CANDIDATES) {
    const found = names.filter((name) => candidate.test(name));
    if (found.length === 1) return found[0];
    if (found.length) {
      const choices = found.map((file) => `\n  ${formatHubReference({ ...reference, file })}`).join("");
      throw new CheckpointError(
        `${formatHubReference(reference)}: there are several checkpoints; choose one:${choices}`,
      );
    }
  }
  const found = names.slice(0, 20).join(", ") || "nothing";
  throw new CheckpointError(`${formatHubReference(reference)}: there is no checkpoint in it; it holds ${found}`);
}

/** A file on the hub. */
type FileReference = HubReference & { readonly file: string };

/**
 * Downloads a file unless the cache has it, and returns its path. Length and hash are checked against the hub's. If the
 * cache has the given commit, the hub is not asked. An interrupted download is resumed. Throws CheckpointError.
 */
export async function downloadFromHub(reference: FileReference, options: HubOptions = {}): Promise<string> {
  const path = await downloadIfThere(reference, options);
  if (path === undefined) {
    throw new CheckpointError(`${formatHubReference(reference)}: the repository has no such file`);
  }
  return path;
}

/**
 * Like downloadFromHub, but returns undefined if the repository has no such file. The cache remembers that a commit has
 * no such file, as Python's client does. Throws CheckpointError also if the file has more than `most` bytes.
 */
export async function downloadIfThere(
  reference: FileReference,
  options: HubOptions = {},
  most = Infinity,
): Promise<string | undefined> {
  const { getHFHubCachePath, getRepoFolderName } = await hubClient();
  const { repo, revision, file } = reference;
  const folder = `${options.cacheDir ?? getHFHubCachePath()}/${getRepoFolderName({ type: "model", name: repo })}`;
  const commit = /^[0-9a-f]{40}$/.test(revision ?? "") ? revision : undefined;
  const pointerOf = (id: string) => `${folder}/snapshots/${id}/${file}`;
  const missing = commit && `${folder}/.no_exist/${commit}/${file}`;
  if (commit && await exists(pointerOf(commit))) return pointerOf(commit);
  if (missing && await exists(missing)) return undefined;

  const connection = connect(reference, options);
  const info = await askFor(reference, connection);
  if (!info) {
    if (missing) await asCheckpointError(reference, () => touch(missing));
    return undefined;
  }
  if (info.size !== undefined && info.size > most) {
    throw new CheckpointError(
      `${formatHubReference(reference)}: it has ${info.size} bytes, expected at most ${most}`,
    );
  }
  const blob = `${folder}/blobs/${info.id}`;
  const pointer = pointerOf(commit ?? info.commit ?? info.id);
  if (await isWhole(pointer, info)) return pointer;
  await asCheckpointError(reference, async () => {
    await Deno.mkdir(`${folder}/blobs`, { recursive: true });
    await retry(formatHubReference(reference), options, () => fill(blob, info, reference, connection, options));
    await point(pointer, blob);
  });
  return pointer;
}

/** Asks the hub about a file. Returns undefined if the repository has no file of that name. */
async function askFor(reference: FileReference, { hubUrl, fetch }: Connection): Promise<HubFile | undefined> {
  const { pathsInfo } = await hubClient();
  const { repo, revision, file } = reference;
  const answer = await asCheckpointError(
    reference,
    () => pathsInfo({ repo, revision, hubUrl, fetch, paths: [file], expand: true }),
  );
  return readHubFile(answer, formatHubReference(reference));
}

/** Downloads a file into the cache if it is not complete there. Throws Broken if it arrives damaged. */
async function fill(
  blob: string,
  info: HubFile,
  reference: FileReference,
  { hubUrl, headers }: Connection,
  options: HubOptions,
): Promise<void> {
  // One process at a time. A process that waited finds the file complete.
  const part = await Deno.open(`${blob}.incomplete`, { read: true, write: true, create: true });
  try {
    await part.lock(true);
    if (await isWhole(blob, info)) return await removeIfThere(`${blob}.incomplete`);
    const { repo, revision = "main", file } = reference;
    const path = [...repo.split("/"), "resolve", revision, ...file.split("/")].map(encodeURIComponent).join("/");
    // Without a hash, a beginning of another file would not be noticed.
    const resume = info.hash !== undefined;
    if (!resume || (await part.stat()).size !== info.size) {
      await download(`${hubUrl}/${path}`, part, {
        ...options,
        headers,
        name: formatHubReference(reference),
        hint: hintOf,
        resume,
        onProgress: (done, total) => options.onProgress?.(file, done, total ?? info.size),
      });
    }
    const wrong = await checkHubFile(part, info);
    if (wrong) {
      await part.truncate(0);
      throw new Broken(`the file arrived damaged: it ${wrong}`);
    }
    await part.syncData();
    await Deno.rename(`${blob}.incomplete`, blob);
  } finally {
    part.close();
  }
}

/** Returns whether the cache has the complete file. A damaged file is removed. */
async function isWhole(path: string, info: HubFile): Promise<boolean> {
  if (!await exists(path)) return false;
  using file = await Deno.open(path);
  if (!await checkHubFile(file, info)) return true;
  // The name is a link to the bytes.
  await removeIfThere(await Deno.realPath(path));
  await removeIfThere(path);
  return false;
}

/** Makes the cache's name of a file a link to its bytes, atomically. Makes a copy if the system has no links. */
async function point(pointer: string, blob: string): Promise<void> {
  await Deno.mkdir(pointer.replace(/[^/]*$/, ""), { recursive: true });
  const up = "../".repeat(pointer.split("/snapshots/").at(-1)!.split("/").length);
  const link = `${pointer}.${crypto.randomUUID()}`;
  await Deno.symlink(`${up}blobs/${blob.replace(/^.*\//, "")}`, link).catch(() => Deno.copyFile(blob, link));
  await Deno.rename(link, pointer);
}

/** Creates an empty file and its folders. */
async function touch(path: string): Promise<void> {
  await Deno.mkdir(path.replace(/[^/]*$/, ""), { recursive: true });
  await Deno.writeFile(path, new Uint8Array());
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
