/**
 * Turns what a user names (a path, a URL, a file on the hub) into bytes that can be read at random.
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
  /** The config.json beside it on the hub; undefined where there is none. Left out for what is not on the hub. */
  readonly config?: () => Promise<Located | undefined>;
}

/** Longest config.json that is read: some name ten thousands of classes. */
const MAX_CONFIG = 16 << 20;

/** Finds a source. Throws CheckpointError where there is none. */
export async function locate(source: string, options: LocateOptions = {}): Promise<Located> {
  if (source.startsWith("hf:")) return await locateOnHub(source, options);
  if (/^https?:\/\//i.test(source)) return await locateUrl(source, options);
  // A page has no files: what it names is an address beside it.
  if (typeof Deno === "undefined") return await locateUrl(new URL(source, globalThis.location.href).href, options);
  const path = pathOf(source);
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
 * A file without a name: an open file lives on without one, so that a program that is killed leaves nothing behind.
 * `forget` removes the name, once the file is closed, where the system does not allow that before.
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

/** Throws CheckpointError where the URL ends in "#sha256=HEX" and the bytes have another hash. */
async function checkDigest(text: string, source: ByteSource): Promise<void> {
  const expected = /^#sha256=([0-9a-f]{64})$/i.exec(new URL(text).hash)?.[1].toLowerCase();
  if (expected === undefined) return;
  const found = await sha256([source]);
  if (found === expected) return;
  throw new CheckpointError(
    `${source.name}: its SHA-256 is ${found}, ${expected} expected: it is damaged or another file`,
  );
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
