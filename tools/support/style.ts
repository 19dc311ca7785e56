/**
 * A little colour for messages on stderr: none where NO_COLOR is set or nobody looks.
 *
 * @module
 */

const coloured = !Deno.noColor && Deno.stderr.isTerminal();

/** Text in red, for errors. */
export function red(text: string): string {
  return coloured ? `\x1b[31m${text}\x1b[39m` : text;
}

/** Text in yellow, for warnings. */
export function yellow(text: string): string {
  return coloured ? `\x1b[33m${text}\x1b[39m` : text;
}

/** A number of bytes for people: "8.9 MB" (powers of 1000). */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 999.95 && i < units.length - 1) n /= 1000, i++;
  return `${i ? n.toFixed(1) : n} ${units[i]}`;
}
