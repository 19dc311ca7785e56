/**
 * Finds duplicate names in JSON. JSON.parse keeps only the last of them. Files that describe tensors must not have any.
 *
 * @module
 */

/**
 * Returns the first duplicate name in the outermost object of a JSON text, or undefined. The text must be valid JSON.
 */
export function duplicateKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let expectKey = false;
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c === "{" || c === "[") expectKey = ++depth === 1;
    else if (c === "}" || c === "]") depth--;
    else if (c === ",") expectKey = depth === 1;
    else if (c === ":") expectKey = false;
    else if (c === '"') {
      const start = i++;
      for (; json[i] !== '"'; i++) if (json[i] === "\\") i++;
      if (!expectKey) continue;
      const key = JSON.parse(json.slice(start, i + 1)) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}
