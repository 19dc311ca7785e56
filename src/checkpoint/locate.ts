/**
 * Turns what a user names (a path, a URL, a file on the hub) into bytes with random access.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { fetchBlob } from "./source/fetch_blob.ts";
import type { HubOptions } from "./hub/options.ts";
import { formatHubReference, parseHubReference } from "./hub/reference.ts";
import { sha256 } from "./source/sha256.ts";
import { fromBlob, fromFile, fromOpenFile, pathOf } from "./source/source.ts";
import type { ByteSource } from "./tensors/state_dict.ts";

/** Options for fetching sources. */
export interface LocateOptions {
  /** Options for the Hugging Face hub. */
  readonly hub?: HubOptions;
  /**
   * Called during a download with the name of the file, the number of bytes so far, and the total number of bytes if
   * known.
   */
  readonly onProgress?: (what: string, done: number, total: number | undefined) => void;
}

/** A source that can be read. */
export interface Located {
  /** The name for messages and metadata: a file name without folders, a hub reference, or a URL without secrets. */
  readonly name: string;
  /** Its bytes. */
  readonly source: ByteSource;
  /** Opens the file of that name in the same folder. */
  sibling(name: string): Promise<Located>;
  /**
   * Opens the config.json next to it on the hub. Returns undefined if there is none. Missing if the source is not on
   * the hub.
   */
  readonly config?: () => Promise<Located | undefined>;
}

/** The largest config.json that is read. Some list tens of thousands of classes. */
const MAX_CONFIG = 16 << 20;

/** Finds a source. Throws CheckpointError if it does not exist. */
export async function locate(source: string, options: LocateOptions = {}): Promise<Located> {
  if (source.startsWith("hf:")) return await locateOnHub(source, options);
  if (/^https?:\/\//i.test(source)) return await locateUrl(source, options);
  // A web page has no files. The source is a URL relative to the page.
  if (typeof Deno === "undefined") return await locateUrl(new URL(source, globalThis.location.href).href, options);
  const path = pathOf(source);
  return {
    name: path.replace(/^.*[\\/]/, ""),
    source: await fromFile(path),
    sibling: (name) => locate(path.replace(/[^\\/]*$/, name), options),
  };
}

/** Wraps bytes that the caller has. They have no files next to them. */
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
  // Imported late, because a web page does not need the hub's client.
  const { downloadFromHub, downloadIfThere, findHubFile } = await import("./hub/hub.ts");
  const hubOptions = { onProgress: options.onProgress, ...options.hub };
  const reference = parseHubReference(text);
  const file = reference.file ?? await findHubFile(reference, hubOptions);
  const beside = (other: string) => ({ ...reference, file: file.replace(/[^/]*$/, other) });
  const open = async (at: typeof reference, path: string): Promise<Located> => {
    const name = formatHubReference(at);
    return {
      name,
      source: { ...await fromFile(path), name },
      sibling: (other) => locate(formatHubReference(beside(other)), options),
    };
  };
  const own = { ...reference, file };
  return {
    ...await open(own, await downloadFromHub(own, hubOptions)),
    async config() {
      const config = beside("config.json");
      const path = await downloadIfThere(config, hubOptions, MAX_CONFIG);
      if (path === undefined) return undefined;
      const located = await open(config, path);
      const { name, source } = located;
      if (source.size <= MAX_CONFIG) return located;
      source.close?.();
      throw new CheckpointError(`${name}: it has ${source.size} bytes, expected at most ${MAX_CONFIG}`);
    },
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
  const { download } = await import("./hub/http.ts");
  const { file, forget } = await temporaryFile();
  const close = () => {
    file.close();
    forget();
  };
  try {
    await download(text, file, { name, onProgress });
    const source = { ...fromOpenFile(name, file), close };
    await checkDigest(text, source);
    return { name, source, sibling };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Opens a temporary file and removes its name at once: the open file still works, and a killed program leaves nothing
 * behind. If the system refuses that while the file is open, call `forget` after closing it.
 */
async function temporaryFile(): Promise<{ file: Deno.FsFile; forget: () => void }> {
  const path = await Deno.makeTempFile({ prefix: "odconv_" });
  const file = await Deno.open(path, { read: true, write: true });
  try {
    Deno.removeSync(path);
    return { file, forget: () => {} };
  } catch {
    return { file, forget: () => Deno.removeSync(path) };
  }
}

/** Throws CheckpointError if the URL ends in "#sha256=HEX" and the bytes have another hash. */
async function checkDigest(text: string, source: ByteSource): Promise<void> {
  const expected = /^#sha256=([0-9a-f]{64})$/i.exec(new URL(text).hash)?.[1].toLowerCase();
  if (expected === undefined) return;
  const found = await sha256([source]);
  if (found === expected) return;
  throw new CheckpointError(
    `${source.name}: its SHA-256 is ${found}, ${expected} expected: it is damaged or another file`,
  );
}

/** Removes passwords and signatures from a URL, so that they do not appear in messages and metadata. */
function withoutSecrets(text: string): string {
  const url = new URL(text);
  url.username =
    url.password =
    url.search =
    url.hash =
      "";
  return url.href;
}
