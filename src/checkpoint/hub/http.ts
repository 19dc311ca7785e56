/**
 * Downloads over http and https: into a file, going on from where a broken connection stopped.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { Broken, checkPassing, describeStatus, retry, type RetryOptions } from "./retry.ts";
import { scrub } from "./scrub.ts";

/** How download works; the defaults suit people. */
export interface DownloadOptions extends RetryOptions {
  /** What messages call the URL; the URL without its password and query, which may be a signature, if left out. */
  readonly name?: string;
  /** Called with the bytes that are there and the bytes in all, where the server says. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /** Milliseconds without a byte after which a connection counts as broken; 60,000 if left out. */
  readonly idleTimeout?: number;
  /** Sent to the URL's host; "authorization" not to any that it sends on to. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What to say of a status besides its number. */
  readonly hint?: (status: number) => string;
  /**
   * Whether the file holds the beginning of an earlier download. The server is not asked whether that is still the same:
   * who sets this compares the hash of the whole.
   */
  readonly resume?: boolean;
}

/**
 * Downloads a URL into a file that is open for writing. Throws CheckpointError where it does not arrive in full: the file
 * holds what did.
 */
export async function download(url: string, file: Deno.FsFile, options: DownloadOptions = {}): Promise<void> {
  const { name = scrub(url), resume = false } = options;
  const state: State = { done: resume ? (await file.stat()).size : 0, trusted: resume };
  try {
    await retry(name, options, () => transfer(url, file, state, options));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code !== undefined)) throw error;
    // What the system says of the file.
    const full = error.code === "ENOSPC" || error.code === "EDQUOT";
    throw new CheckpointError(`${name}: cannot be kept: ${full ? "the disk is full" : error.message}`);
  }
}

interface State {
  /** Bytes in the file. */
  done: number;
  /** Says whether the thing behind the URL is still the same. */
  etag?: string;
  /** Whether those bytes may be gone on from without an etag. */
  trusted: boolean;
}

async function transfer(url: string, file: Deno.FsFile, state: State, options: DownloadOptions): Promise<void> {
  const { name = scrub(url), idleTimeout = 60_000, onProgress } = options;
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(new Broken(`nothing came for ${idleTimeout / 1000} seconds`)), idleTimeout);
  };
  alive();
  try {
    const { response, from } = await request(url, name, state, options, abort.signal);
    if (from === 0) await file.truncate(0);
    state.done = from;
    await file.seek(state.done, Deno.SeekMode.Start);
    state.etag = response.headers.get("etag") ?? undefined;
    const total = totalOf(response, state.done);
    for await (const chunk of response.body ?? []) {
      alive();
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
      state.done += chunk.length;
      onProgress?.(state.done, total);
    }
    if (total !== undefined && state.done !== total) throw new Broken(`${state.done} of ${total} bytes arrived`);
  } catch (error) {
    // What fetch and the body's stream throw when a connection fails.
    if (error instanceof TypeError || error instanceof DOMException) throw new Broken(scrub(error.message));
    throw error;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

/** Answers what the server sends, and which byte of the file it begins with. */
async function request(
  url: string,
  name: string,
  state: State,
  { headers, hint }: DownloadOptions,
  signal: AbortSignal,
): Promise<{ response: Response; from: number }> {
  const { done, etag, trusted } = state;
  const strong = etag !== undefined && !etag.startsWith("W/");
  const range = done > 0 && (strong || trusted) ? { range: `bytes=${done}-` } : undefined;
  const same = range && strong ? { "if-range": etag } : undefined;
  const response = await fetch(url, {
    headers: { ...headers, ...range, ...same, "accept-encoding": "identity" },
    signal,
  });
  const from = range && response.status === 206 ? done : 0;
  const fits = response.status !== 206 || response.headers.get("content-range")?.startsWith(`bytes ${from}-`);
  if (response.ok && fits) return { response, from };
  await checkPassing(response);
  await response.body?.cancel();
  const answer = describeStatus(response);
  if (range && (response.status === 206 || response.status === 416)) {
    // What is there is no beginning of what the server has.
    [state.etag, state.trusted] = [undefined, false];
    throw new Broken(answer, 0);
  }
  throw new CheckpointError(`${name}: ${answer}${hint?.(response.status) ?? ""}`);
}

/** Bytes of the whole file, where the server says: also where it sends a part that nobody asked for. */
function totalOf({ headers }: Response, done: number): number | undefined {
  const whole = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  if (whole !== undefined) return Number(whole);
  // A compressed answer's length is not that of its content.
  const length = headers.has("content-encoding") ? null : headers.get("content-length");
  return length === null ? undefined : done + Number(length);
}
