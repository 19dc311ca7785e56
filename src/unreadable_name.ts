/** For behind "no such file": the reason, where a name is not UTF-8. Deno puts U+FFFD in its place, and finds nothing. */
export function whyMissing(path: string): string {
  return path.includes("\ufffd") ? " (its name is not UTF-8, so that Deno cannot open it; rename it)" : "";
}
