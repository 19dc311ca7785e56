/**
 * Checkpoints on the Hugging Face hub, through its own client: its cache on disk (HF_HOME, HF_HUB_CACHE), a token for
 * private and gated repositories.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { type HubFile, readHubFile, verifyHubFile } from "./hub_file.ts";
import { scrub } from "./scrub.ts";

/** How the hub is reached. */
export interface HubOptions {
  /** For private and gated repositories; HF_TOKEN if left out. */
  readonly token?: string;
  /** The hub's address; HF_ENDPOINT if left out, else https://huggingface.co. */
  readonly endpoint?: string;
  /** Where files are kept; HF_HUB_CACHE or HF_HOME if left out, else the user's cache folder. */
  readonly cacheDir?: string;
  /** Called while a file downloads, with its name, the bytes that are there, and in all where the hub says. */
  readonly onProgress?: (file: string, done: number, total: number | undefined) => void;
  /** Attempts after the first where a connection breaks. */
  readonly retries?: number;
  /** Milliseconds before the first retry; doubles with each. 500 if left out. */
  readonly retryDelay?: number;
  /** Milliseconds without a byte after which a connection counts as broken; 60,000 if left out. */
  readonly idleTimeout?: number;
}

/** A file on the hub; without `file`, the repository's checkpoint. */
export interface HubReference {
  /** "owner/name". */
  readonly repo: string;
  /** A branch, tag or commit; the main branch if left out. */
  readonly revision?: string;
  /** Path in the repository. */
  readonly file?: string;
}

const HUB = "https://huggingface.co";
/** What a repository's checkpoint may be called, the best first. */
const CANDIDATES: readonly RegExp[] = [
  /^model\.safetensors$/,
  /^model\.safetensors\.index\.json$/,
  /^[^/]+\.safetensors$/,
  /^pytorch_model\.bin$/,
  /^pytorch_model\.bin\.index\.json$/,
  /^[^/]+\.(pth|pth\.tar|pt|bin)$/,
];
/** Files of a repository that are looked at. */
const MAX_FILES = 10_000;

/** Parses "hf:OWNER/REPO[@REVISION][/FILE]"; a slash in REVISION is written %2F. Throws CheckpointError. */
export function parseHubReference(text: string): HubReference {
  const match = /^hf:([\w.-]+\/[\w.-]+)(?:@([\w.%-]+))?(?:\/(.+))?$/.exec(text);
  if (!match || text.split("/").some((part) => part === ".." || part === "hf:..")) {
    throw new CheckpointError(`${text}: expected hf:OWNER/REPO, hf:OWNER/REPO/FILE or hf:OWNER/REPO@REVISION/FILE`);
  }
  const [, repo, revision, file] = match;
  return { repo, revision: revision?.replaceAll(/%2f/gi, "/"), file };
}

/** Writes a reference the way parseHubReference reads it. */
export function formatHubReference({ repo, revision, file }: HubReference): string {
  return `hf:${repo}${revision ? `@${revision.replaceAll("/", "%2F")}` : ""}${file ? `/${file}` : ""}`;
}

/** Names the file that is the repository's checkpoint. Throws CheckpointError where there is none, or several. */
export async function findHubFile(reference: HubReference, options: HubOptions = {}): Promise<string> {
  const { listFiles } = await hub();
  const names: string[] = [];
  await asCheckpointError(reference, async () => {
    for await (const { type, path } of listFiles({ ...parameters(reference, options), recursive: true })) {
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

/**
 * Downloads a file, unless the cache has it; answers its path. What the hub says of its length and hash is checked before,
 * except for a commit that is in the cache, of which the hub is not asked. Throws CheckpointError.
 */
export async function downloadFromHub(
  reference: HubReference & { readonly file: string },
  options: HubOptions = {},
): Promise<string> {
  const { downloadFileToCacheDir } = await hub();
  // xet is a second way of transfer of the client that asks more hosts; plain HTTP serves the same bytes.
  let info: HubFile | undefined;
  const onFile = (file: HubFile) => void (info = file);
  const connection = parameters(reference, options, onFile);
  const request = { ...connection, path: reference.file, cacheDir: options.cacheDir, xet: false };
  const { debug } = console;
  // The client tells stdout about every download.
  console.debug = () => {};
  try {
    return await asCheckpointError(reference, () =>
      retry(options, async () => {
        const path = await downloadFileToCacheDir(request);
        if (info) await verifyHubFile(path, info);
        return path;
      }));
  } finally {
    console.debug = debug;
  }
}

type Hub = typeof import("npm:@huggingface/hub@2.17.5");

/** Loads the client only when a source needs it: the specifier is no literal, so that Deno does not fetch it ahead. */
async function hub(): Promise<Hub> {
  const specifier = ["npm:@huggingface/hub", "2.17.5"].join("@");
  return await import(specifier);
}

function parameters(
  { repo, revision, file }: HubReference,
  options: HubOptions,
  onFile?: (file: HubFile) => void,
) {
  const hubUrl = (options.endpoint ?? Deno.env.get("HF_ENDPOINT") ?? HUB).replace(/\/+$/, "");
  if (!URL.canParse(hubUrl)) throw new CheckpointError(`the hub's address, HF_ENDPOINT, is not a URL: ${hubUrl}`);
  const token = options.token ?? Deno.env.get("HF_TOKEN");
  const report = file && options.onProgress
    ? (done: number, total?: number) => options.onProgress?.(file, done, total)
    : undefined;
  return { repo, revision, hubUrl, fetch: hubFetch(hubUrl, { token, report, onFile, timeout: options.idleTimeout }) };
}

interface Connection {
  readonly token?: string;
  readonly report?: (done: number, total?: number) => void;
  readonly onFile?: (file: HubFile) => void;
  readonly timeout?: number;
}

/**
 * fetch that sends the token to the hub alone, gives up where nothing comes, and reads along what the hub says of a file. The
 * client does not learn the token: it would send it to other addresses that the hub's answers name.
 */
function hubFetch(hubUrl: string, { token, report, onFile, timeout = 60_000 }: Connection): typeof fetch {
  const { origin } = new URL(hubUrl);
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init?.headers);
    if (token && url.origin === origin) headers.set("authorization", `Bearer ${token}`);
    const idle = idleSignal(timeout);
    const response = await fetch(url, { ...init, headers, signal: idle.signal });
    if (onFile && url.pathname.includes("/paths-info/") && response.ok) {
      const file = readHubFile(await response.clone().json());
      if (file) onFile(file);
    }
    if (!response.ok || !response.body || headers.has("range")) return response;
    const length = response.headers.get("content-length");
    let done = 0;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          idle.alive();
          report?.(done += chunk.length, length === null ? undefined : Number(length));
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(counted, response);
  };
}

/** A signal that aborts `timeout` milliseconds after it was last told that something came. */
function idleSignal(timeout: number): { signal: AbortSignal; alive: () => void } {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const alive = () => {
    clearTimeout(timer);
    const next = setTimeout(() => abort.abort(new Error(`nothing came for ${timeout / 1000} seconds`)), timeout);
    // A connection that is done with keeps no program waiting.
    Deno.unrefTimer(next);
    timer = next;
  };
  alive();
  return { signal: abort.signal, alive };
}

/** Again, where the connection or the server failed; not where the hub says no. */
async function retry<T>({ retries = 3, retryDelay = 500 }: HubOptions, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0;; attempt++) {
    try {
      return await work();
    } catch (error) {
      const status = statusOf(error);
      const refused = error instanceof CheckpointError || isMissing(error) ||
        (status !== undefined && status < 500 && status !== 429);
      if (refused || attempt >= retries) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, retryDelay * 2 ** attempt));
  }
}

/** How the client says that there is no such file. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("cannot get path info");
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof Error && "statusCode" in error && typeof error.statusCode === "number") return error.statusCode;
  // Of an error that goes through one of the client's streams only the message comes out.
  const status = /^Api error with status (\d{3})\b/.exec(String(error))?.[1];
  return status === undefined ? undefined : Number(status);
}

async function asCheckpointError<T>(reference: HubReference, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const name = formatHubReference(reference);
    if (isMissing(error)) throw new CheckpointError(`${name}: the repository has no such file`);
    const status = statusOf(error);
    const hint = status === 401 || status === 403
      ? "; it does not exist, is private or gated: set HF_TOKEN to a token that may read it"
      : "";
    throw new CheckpointError(`${name}: ${scrub(error instanceof Error ? error.message : String(error))}${hint}`);
  }
}
