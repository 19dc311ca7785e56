import type { RetryOptions } from "./retry.ts";

/** Options for the Hugging Face hub. */
export interface HubOptions extends RetryOptions {
  /** The token for private and gated repositories. If left out, HF_TOKEN. */
  readonly token?: string;
  /** The hub's address. If left out, HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string;
  /** The cache folder. If left out, HF_HUB_CACHE or HF_HOME, else the user's cache folder. */
  readonly cacheDir?: string;
  /** Called during a download with the file's name, the number of bytes so far, and the total if the hub gives it. */
  readonly onProgress?: (file: string, done: number, total: number | undefined) => void;
  /**
   * Milliseconds without data after which a connection counts as broken.
   * @default 60_000
   */
  readonly idleTimeout?: number;
}
