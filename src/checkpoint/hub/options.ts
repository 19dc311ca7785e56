import type { RetryOptions } from "./retry.ts";

/** How the hub is reached. */
export interface HubOptions extends RetryOptions {
  /** For private and gated repositories; HF_TOKEN if left out. */
  readonly token?: string;
  /** The hub's address; HF_ENDPOINT if left out, else https://huggingface.co. */
  readonly endpoint?: string;
  /** Where files are kept; HF_HUB_CACHE or HF_HOME if left out, else the user's cache folder. */
  readonly cacheDir?: string;
  /** Called while a file downloads, with its name, the bytes that are there, and in all where the hub says. */
  readonly onProgress?: (file: string, done: number, total: number | undefined) => void;
  /** Milliseconds without a byte after which a connection counts as broken; 60,000 if left out. */
  readonly idleTimeout?: number;
}
