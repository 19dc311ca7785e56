/**
 * Connects to the Hugging Face hub through its own client, and controls who gets the token.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { formatHubReference, type HubReference } from "./reference.ts";
import type { HubOptions } from "./options.ts";
import { Broken, checkPassing, checkRetryOptions, retry } from "./retry.ts";
import { scrub } from "./scrub.ts";

type Client = typeof import("npm:@huggingface/hub@2.17.5");

/**
 * Loads the client when a source needs it. The specifier is not a literal, so that Deno does not download it in
 * advance.
 */
export async function hubClient(): Promise<Client> {
  const specifier = ["npm:@huggingface/hub", "2.17.5"].join("@");
  return await import(specifier);
}

/** The hub's address, and how to send requests to it. */
export interface Connection {
  /** The hub's address, without a slash at the end. */
  readonly hubUrl: string;
  /** Headers for the hub only. They are not sent to hosts that the hub redirects to. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The client's `fetch`. The client does not get the token, because it would send it to other addresses named in
   * responses.
   */
  readonly fetch: typeof fetch;
}

const HUB = "https://huggingface.co";

/** Maximum number of requests per call: a listing has several pages. */
const MAX_REQUESTS = 1000;

/** Maximum number of bytes of a response that is not a file. A page of a listing has a few hundred thousand. */
const MAX_ANSWER = 32 << 20;

/** Throws CheckpointError if the hub's address is invalid. */
export function connect(reference: HubReference, options: HubOptions): Connection {
  checkRetryOptions(options);
  const hubUrl = (options.endpoint ?? Deno.env.get("HF_ENDPOINT") ?? HUB).replace(/\/+$/, "");
  if (!URL.canParse(hubUrl)) throw new CheckpointError(`the hub's address, HF_ENDPOINT, is not a URL: ${hubUrl}`);
  const { origin } = new URL(hubUrl);
  const token = options.token ?? Deno.env.get("HF_TOKEN");
  const own: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const name = formatHubReference(reference);
  let asked = 0;
  return {
    hubUrl,
    headers: own,
    fetch: (input, init) => {
      if (asked++ === MAX_REQUESTS) throw new CheckpointError(`${name}: the hub's listing does not end`);
      const url = new URL(input instanceof Request ? input.url : input);
      const headers = new Headers(init?.headers);
      for (const [key, value] of Object.entries(url.origin === origin ? own : {})) headers.set(key, value);
      return retry(name, options, () => ask(url, { ...init, headers }, options.idleTimeout));
    },
  };
}

async function ask(url: URL, init: RequestInit, timeout = 60_000): Promise<Response> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeout) });
    await checkPassing(response);
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      if ((length += chunk.length) > MAX_ANSWER) {
        throw new CheckpointError(`${scrub(url.href)}: more than ${MAX_ANSWER} bytes of what is no file`);
      }
    }
    return new Response(new Blob(chunks), { status: response.status, headers: response.headers });
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) throw new Broken(scrub(error.message));
    throw error;
  }
}

/** Returns an explanation of an error status. */
export function hintOf(status: number | undefined): string {
  return status === 401 || status === 403
    ? "; it does not exist, is private or gated: set HF_TOKEN to a token that may read it"
    : "";
}

/** Runs a call of the client. Its errors become CheckpointErrors. */
export async function asCheckpointError<T>(reference: HubReference, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || error instanceof CheckpointError) throw error;
    const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : undefined;
    const why = scrub(error instanceof Error ? error.message : String(error));
    throw new CheckpointError(`${formatHubReference(reference)}: ${why}${hintOf(status)}`);
  }
}
