/**
 * Colours for messages on stderr. There are none if NO_COLOR is set or stderr is not a terminal.
 *
 * @module
 */

const coloured = !Deno.noColor && Deno.stderr.isTerminal();

/** Returns red text, for errors. */
export function red(text: string): string {
  return coloured ? `\x1b[31m${text}\x1b[39m` : text;
}

/** Returns yellow text, for warnings. */
export function yellow(text: string): string {
  return coloured ? `\x1b[33m${text}\x1b[39m` : text;
}

/** Formats a number of bytes: "8.9 MB" (powers of 1000). */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 999.95 && i < units.length - 1) n /= 1000, i++;
  return `${i ? n.toFixed(1) : n} ${units[i]}`;
}
