/**
 * The end of a "no such file" message: the reason, if a name is not UTF-8. Deno replaces its bytes by U+FFFD, and finds no
 * such file.
 */
export function whyMissing(path: string): string {
  return path.includes("\ufffd") ? " (its name is not UTF-8, so that Deno cannot open it; rename it)" : "";
}
