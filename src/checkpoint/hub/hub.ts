/**
 * Checkpoints on the Hugging Face hub: found by its own client, kept where that and Python's keep them (HF_HOME,
 * HF_HUB_CACHE), a token for private and gated repositories.
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

/** What a repository's checkpoint may be called, the best first. */
const CANDIDATES: readonly RegExp[] = [
  /^model\.safetensors$/,
  /^model\.safetensors\.index\.json$/,
  /^[^/\\]+\.safetensors$/,
  /^pytorch_model\.bin$/,
  /^pytorch_model\.bin\.index\.json$/,
  /^[^/\\]+\.(pth|pth\.tar|pt|bin)$/,
];
/** Files of a repository that are looked at. */
const MAX_FILES = 10_000;

/** Names the file that is the repository's checkpoint. Throws CheckpointError where there is none, or several. */
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
 * Downloads a file, unless the cache has it; answers its path. Length and hash are those that the hub names, except for a
 * commit that is in the cache, of which the hub is not asked. What an earlier download left is gone on from. Throws
 * CheckpointError.
 */
export async function downloadFromHub(reference: FileReference, options: HubOptions = {}): Promise<string> {
  const path = await downloadIfThere(reference, options);
  if (path === undefined) {
    throw new CheckpointError(`${formatHubReference(reference)}: the repository has no such file`);
  }
  return path;
}

/**
 * The same; undefined where the repository has no such file. That a commit has none is kept in the cache, as Python's client
 * keeps it. Throws CheckpointError, too, where the file has more than `most` bytes.
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

/** What the hub says of a file; undefined where the repository has none of that name. */
async function askFor(reference: FileReference, { hubUrl, fetch }: Connection): Promise<HubFile | undefined> {
  const { pathsInfo } = await hubClient();
  const { repo, revision, file } = reference;
  const answer = await asCheckpointError(
    reference,
    () => pathsInfo({ repo, revision, hubUrl, fetch, paths: [file], expand: true }),
  );
  return readHubFile(answer, formatHubReference(reference));
}

/** Sees to it that the cache holds a file whole. Throws Broken where it arrived damaged. */
async function fill(
  blob: string,
  info: HubFile,
  reference: FileReference,
  { hubUrl, headers }: Connection,
  options: HubOptions,
): Promise<void> {
  // One process at a time: whoever waited finds the file there.
  const part = await Deno.open(`${blob}.incomplete`, { read: true, write: true, create: true });
  try {
    await part.lock(true);
    if (await isWhole(blob, info)) return await removeIfThere(`${blob}.incomplete`);
    const { repo, revision = "main", file } = reference;
    const path = [...repo.split("/"), "resolve", revision, ...file.split("/")].map(encodeURIComponent).join("/");
    // Without a hash nobody would notice that the beginning was another file's.
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

/** Whether the cache has a file whole; what is damaged is removed. */
async function isWhole(path: string, info: HubFile): Promise<boolean> {
  if (!await exists(path)) return false;
  using file = await Deno.open(path);
  if (!await checkHubFile(file, info)) return true;
  // The name is a link to the bytes.
  await removeIfThere(await Deno.realPath(path));
  await removeIfThere(path);
  return false;
}

/** Makes the cache's name of a file a link to its bytes, at once; a copy where the system has no links. */
async function point(pointer: string, blob: string): Promise<void> {
  await Deno.mkdir(pointer.replace(/[^/]*$/, ""), { recursive: true });
  const up = "../".repeat(pointer.split("/snapshots/").at(-1)!.split("/").length);
  const link = `${pointer}.${crypto.randomUUID()}`;
  await Deno.symlink(`${up}blobs/${blob.replace(/^.*\//, "")}`, link).catch(() => Deno.copyFile(blob, link));
  await Deno.rename(link, pointer);
}

/** Makes an empty file, and the folders that it lies in. */
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
