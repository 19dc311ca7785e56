/**
 * Turns what a user names (a path, a URL, a file on the hub) into bytes that can be read at random.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { fetchBlob } from "./fetch_blob.ts";
import type { HubOptions } from "./hub.ts";
import { fromBlob, fromFile } from "./source.ts";
import type { ByteSource } from "./state_dict.ts";

/** How sources are fetched. */
export interface LocateOptions {
  /** How the hub is reached. */
  readonly hub?: HubOptions;
  /** Called while something downloads, with what it is, the bytes that are there, and in all where known. */
  readonly onProgress?: (what: string, done: number, total: number | undefined) => void;
}

/** A source at hand. */
export interface Located {
  /** For people and metadata: a file's name without its folders, a hub reference, a URL without secrets. */
  readonly name: string;
  /** Its bytes. */
  readonly source: ByteSource;
  /** The file of that plain name beside it. */
  sibling(name: string): Promise<Located>;
}

/** Finds a source. Throws CheckpointError where there is none. */
export async function locate(source: string, options: LocateOptions = {}): Promise<Located> {
  if (source.startsWith("hf:")) return await locateOnHub(source, options);
  if (/^https?:\/\//i.test(source)) return await locateUrl(source, options);
  // A page has no files: what it names is an address beside it.
  if (typeof Deno === "undefined") return await locateUrl(new URL(source, globalThis.location.href).href, options);
  const path = source.startsWith("file:") ? decodeURIComponent(new URL(source).pathname) : source;
  return {
    name: path.replace(/^.*[\\/]/, ""),
    source: await fromFile(path),
    sibling: (name) => locate(path.replace(/[^\\/]*$/, name), options),
  };
}

/** Bytes that the caller has, which have nothing beside them. */
export function located(source: ByteSource): Located {
  return {
    name: source.name,
    source,
    sibling: (name) => Promise.reject(new CheckpointError(`${source.name}: it is sharded, and ${name} is not here`)),
  };
}

async function locateOnHub(text: string, options: LocateOptions): Promise<Located> {
  if (typeof Deno === "undefined") {
    throw new CheckpointError(`${text}: a page has no hub client; name the file's https address on the hub instead`);
  }
  // Imported late: a page has no use for the hub's client.
  const { downloadFromHub, findHubFile, formatHubReference, parseHubReference } = await import("./hub.ts");
  const hubOptions = { onProgress: options.onProgress, ...options.hub };
  const reference = parseHubReference(text);
  const file = reference.file ?? await findHubFile(reference, hubOptions);
  const name = formatHubReference({ ...reference, file });
  const source = await fromFile(await downloadFromHub({ ...reference, file }, hubOptions));
  return {
    name,
    source: { ...source, name },
    sibling: (other) => locate(formatHubReference({ ...reference, file: file.replace(/[^/]*$/, other) }), options),
  };
}

async function locateUrl(text: string, options: LocateOptions): Promise<Located> {
  if (!URL.canParse(text)) throw new CheckpointError(`${text}: not a URL`);
  const name = withoutSecrets(text);
  const sibling = (other: string) => locate(new URL(other, text).href, options);
  const onProgress = (done: number, total?: number) => options.onProgress?.(name, done, total);
  if (typeof Deno === "undefined") {
    return { name, source: fromBlob(name, await fetchBlob(text, name, onProgress)), sibling };
  }
  const { download } = await import("./http.ts");
  const path = await Deno.makeTempFile({ prefix: "odconv_" });
  await download(text, path, { name, onProgress });
  const source = await fromFile(path);
  // An open file lives on without its name, so that a program that never closes it leaves nothing behind; not on Windows.
  const removeLast = Deno.build.os === "windows";
  if (!removeLast) Deno.removeSync(path);
  const close = () => {
    source.close?.();
    if (removeLast) Deno.removeSync(path);
  };
  return { name, source: { ...source, name, close }, sibling };
}

/** Passwords and signatures in a URL do not belong into messages and metadata. */
function withoutSecrets(text: string): string {
  const url = new URL(text);
  url.username =
    url.password =
    url.search =
    url.hash =
      "";
  return url.href;
}
