/**
 * A progress bar: one line on stderr that is rewritten in place. If stderr is not a terminal, nothing is drawn.
 *
 * @module
 */

/** A bar on the screen. */
export interface Progress {
  /** Draws the progress, at most ten times a second. `note` is shown after the figures. */
  update(done: number, note?: string): void;
  /** Removes the bar from the screen. Can be called again. */
  end(): void;
}

/** The output of a bar. Default: stderr; tests replace it. */
export interface Terminal {
  /** Whether the output is a terminal. */
  isTerminal(): boolean;
  /** Writes synchronously. */
  writeSync(bytes: Uint8Array): number;
}

const WIDTH = 24;
const INTERVAL_MS = 100;

/** Starts a bar of `total` steps. Without a total it only counts. `format` formats a number of steps ("12.0 MB"). */
export function progress(
  label: string,
  total: number | undefined,
  format: (n: number) => string = String,
  terminal: Terminal = Deno.stderr,
): Progress {
  if (!terminal.isTerminal()) return { update() {}, end() {} };
  const write = (text: string) => terminal.writeSync(new TextEncoder().encode(text));
  let drawn = -Infinity;
  return {
    update(done, note = "") {
      const now = performance.now();
      if (now - drawn < INTERVAL_MS && done !== total) return;
      drawn = now;
      const figures = total === undefined ? format(done) : `${bar(done / total)} ${format(done)}/${format(total)}`;
      write(`\r\x1b[K${label} ${figures}${note && ` ${note}`}`);
    },
    end() {
      if (drawn > -Infinity) write("\r\x1b[K");
      drawn = -Infinity;
    },
  };
}

function bar(share: number): string {
  const filled = Math.round(Math.min(share, 1) * WIDTH) || 0;
  return "█".repeat(filled) + "░".repeat(WIDTH - filled);
}
