/**
 * Downloads over http and https into a file. It resumes after a broken connection.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { Broken, checkPassing, describeStatus, retry, type RetryOptions } from "./retry.ts";
import { scrub } from "./scrub.ts";

/** Options of download. */
export interface DownloadOptions extends RetryOptions {
  /** The URL's name in messages. If left out, the URL without its password and query, which may be a signature. */
  readonly name?: string;
  /** Called with the number of bytes so far, and the total if the server gives it. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /**
   * Milliseconds without data after which a connection counts as broken.
   * @default 60_000
   */
  readonly idleTimeout?: number;
  /** Headers for the URL's host. "authorization" is not sent to hosts that it redirects to. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Returns an explanation of a status. */
  readonly hint?: (status: number) => string;
  /**
   * Whether the file contains the beginning of an earlier download. The server is not asked if its file is still the
   * same: the caller must compare the hash of the complete file.
   */
  readonly resume?: boolean;
}

/**
 * Downloads a URL into a file that is open for writing. Throws CheckpointError if the download is incomplete. The file
 * then contains the part that arrived.
 */
export async function download(url: string, file: Deno.FsFile, options: DownloadOptions = {}): Promise<void> {
  const { name = scrub(url), resume = false } = options;
  const state: State = { done: resume ? (await file.stat()).size : 0, trusted: resume };
  try {
    await retry(name, options, () => transfer(url, file, state, options));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code !== undefined)) throw error;
    // The system refused to write the file.
    const full = error.code === "ENOSPC" || error.code === "EDQUOT";
    throw new CheckpointError(`${name}: cannot be kept: ${full ? "the disk is full" : error.message}`);
  }
}

interface State {
  /** Number of bytes in the file. */
  done: number;
  /** Tells whether the file behind the URL is still the same. */
  etag?: string;
  /** Whether the download may resume after these bytes without an etag. */
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
    // fetch and the body's stream throw these when a connection fails.
    if (error instanceof TypeError || error instanceof DOMException) throw new Broken(scrub(error.message));
    throw error;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

/** Sends the request. Returns the response, and the file offset of its first byte. */
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
    // The bytes in the file are not the beginning of the server's file.
    [state.etag, state.trusted] = [undefined, false];
    throw new Broken(answer, 0);
  }
  throw new CheckpointError(`${name}: ${answer}${hint?.(response.status) ?? ""}`);
}

/**
 * Returns the number of bytes of the complete file, if the server gives it. Also handles a partial response to a
 * request for the whole file.
 */
function totalOf({ headers }: Response, done: number): number | undefined {
  const whole = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  if (whole !== undefined) return Number(whole);
  // The length of a compressed response is not that of its content.
  const length = headers.has("content-encoding") ? null : headers.get("content-length");
  return length === null ? undefined : done + Number(length);
}
