/**
 * Downloads over http and https: into a file, going on from where a broken connection stopped.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { scrub } from "./scrub.ts";

/** How download works; the defaults suit people. */
export interface DownloadOptions {
  /** What messages call the URL; the URL without its password and query, which may be a signature, if left out. */
  readonly name?: string;
  /** Called with the bytes that are there and the bytes in all, where the server says. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /** Attempts after the first. */
  readonly retries?: number;
  /** Milliseconds before the first retry; doubles with each, unless the server says how long to wait. */
  readonly retryDelay?: number;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly idleTimeout?: number;
}

/** Statuses that may pass: timeout, too many requests, and the server's own troubles. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Longest wait that a server may ask for, in seconds. */
const MAX_WAIT = 60;

/** A failure after which another attempt makes sense. */
class Broken extends Error {
  /** `wait`: milliseconds that the server asks to be left alone, if it does. */
  constructor(message: string, readonly wait?: number) {
    super(message);
  }
}

/** Downloads a URL into a new file. Throws CheckpointError where it does not arrive in full; the file is gone then. */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<void> {
  const { name = scrub(url), retries = 4, retryDelay = 1000 } = options;
  const file = await Deno.open(path, { write: true, create: true, truncate: true });
  const state: State = { done: 0 };
  try {
    for (let attempt = 0;; attempt++) {
      let wait = retryDelay * 2 ** attempt;
      try {
        return await transfer(url, file, state, options);
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        if (attempt === retries) throw new CheckpointError(`${name}: ${error.message}, after ${retries + 1} attempts`);
        wait = error.wait ?? wait;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  } catch (error) {
    await Deno.remove(path);
    // What the system says of a file: the disk is full.
    const refused = error instanceof Error && "code" in error && error.code !== undefined;
    throw refused ? new CheckpointError(`${name}: cannot be kept in ${path}: ${error.message}`) : error;
  } finally {
    file.close();
  }
}

interface State {
  /** Bytes in the file. */
  done: number;
  /** Says whether the thing behind the URL is still the same. */
  etag?: string;
}

async function transfer(url: string, file: Deno.FsFile, state: State, options: DownloadOptions): Promise<void> {
  const { name = scrub(url), idleTimeout = 60_000, onProgress } = options;
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), idleTimeout);
  };
  alive();
  try {
    const response = await request(url, name, state, abort.signal);
    if (response.status !== 206 && state.done > 0) {
      await file.truncate(0);
      await file.seek(state.done = 0, Deno.SeekMode.Start);
    }
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
    // What fetch and the body's stream throw when a connection fails, and what abort() makes of them.
    if (error instanceof TypeError || error instanceof DOMException) throw new Broken(scrub(error.message));
    throw error;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

async function request(url: string, name: string, { done, etag }: State, signal: AbortSignal): Promise<Response> {
  const resume = done > 0 && etag !== undefined && !etag.startsWith("W/");
  const headers: Record<string, string> = resume ? { range: `bytes=${done}-`, "if-range": etag } : {};
  const response = await fetch(url, { headers: { ...headers, "accept-encoding": "identity" }, signal });
  if (response.ok && (response.status !== 206 || response.headers.get("content-range")?.startsWith(`bytes ${done}-`))) {
    return response;
  }
  await response.body?.cancel();
  const answer = `the server answers ${response.status} ${response.statusText}`.trimEnd();
  if (PASSING.has(response.status)) throw new Broken(answer, retryAfter(response));
  throw new CheckpointError(`${name}: ${answer}`);
}

/** Bytes of the whole file, where the server says: also where it sends a part that nobody asked for. */
function totalOf({ headers }: Response, done: number): number | undefined {
  const whole = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  if (whole !== undefined) return Number(whole);
  const length = headers.get("content-length");
  return length === null ? undefined : done + Number(length);
}

/** Milliseconds until the server wants to be asked again, if it says. */
function retryAfter({ headers }: Response): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? NaN);
  return seconds >= 0 ? 1000 * Math.min(seconds, MAX_WAIT) : undefined;
}
