/**
 * Downloads over http and https: into a file, going on from where a broken connection stopped.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";

/** How download works; the defaults suit people. */
export interface DownloadOptions {
  /** What messages call the URL, which may hold a password or a signature; all of it if left out. */
  readonly name?: string;
  /** Called with the bytes that are there and the bytes in all, where the server says. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /** Attempts after the first. */
  readonly retries?: number;
  /** Milliseconds before the first retry; doubles with each. */
  readonly retryDelay?: number;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly idleTimeout?: number;
}

/** Statuses that may pass: timeout, too many requests, and the server's own troubles. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A failure after which another attempt makes sense. */
class Broken extends Error {}

/** Downloads a URL into a new file. Throws CheckpointError where it does not arrive in full; the file is gone then. */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<void> {
  const { name = url, retries = 4, retryDelay = 1000 } = options;
  const file = await Deno.open(path, { write: true, create: true, truncate: true });
  const state: State = { done: 0 };
  try {
    for (let attempt = 0;; attempt++) {
      try {
        return await transfer(url, file, state, options);
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        if (attempt === retries) throw new CheckpointError(`${name}: ${error.message}, after ${retries + 1} attempts`);
      }
      await new Promise((resolve) => setTimeout(resolve, retryDelay * 2 ** attempt));
    }
  } catch (error) {
    await Deno.remove(path);
    throw error;
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
  const { name = url, idleTimeout = 60_000, onProgress } = options;
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
    const length = response.headers.get("content-length");
    const total = length === null ? undefined : state.done + Number(length);
    for await (const chunk of response.body ?? []) {
      alive();
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
      state.done += chunk.length;
      onProgress?.(state.done, total);
    }
    if (total !== undefined && state.done !== total) throw new Broken(`${state.done} of ${total} bytes arrived`);
  } catch (error) {
    // What fetch and the body's stream throw when a connection fails, and what abort() makes of them.
    if (error instanceof TypeError || error instanceof DOMException) throw new Broken(error.message);
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
  if (PASSING.has(response.status)) throw new Broken(answer);
  throw new CheckpointError(`${name}: ${answer}`);
}
