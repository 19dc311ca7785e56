/**
 * A progress bar: one line on stderr, rewritten in place, and nothing at all where stderr is not a terminal.
 *
 * @module
 */

/** A bar that is being drawn. */
export interface Progress {
  /** Draws how far it is, at most ten times a second. `note` is shown behind the figures. */
  update(done: number, note?: string): void;
  /** Takes the bar off the screen. May be called again. */
  end(): void;
}

/** Where a bar is drawn; stderr unless a test says otherwise. */
export interface Terminal {
  /** Whether somebody looks. */
  isTerminal(): boolean;
  /** Writes at once. */
  writeSync(bytes: Uint8Array): number;
}

const WIDTH = 24;
const INTERVAL_MS = 100;

/**
 * Starts a bar of `total` steps; without a total it only counts. `format` writes a number of steps for people
 * ("12.0 MB").
 */
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
