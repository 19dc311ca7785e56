/** Merges the results of several runs into one report. */

import { DataError } from "../src/errors.ts";
import type { Results, Row } from "./rows.ts";

/** Identifies a row across runs. */
const KEYS = ["work", "model", "kernelNum", "batch", "device"] as const;

/** Reads files that `--json` wrote. `paths` are separated by commas. Throws DataError if a file is something else. */
export async function readResults(paths: string | undefined): Promise<Results[]> {
  return await Promise.all((paths?.split(",") ?? []).map(async (path) => {
    try {
      const results = JSON.parse(await Deno.readTextFile(path));
      if ([results.rows, results.contestants, results.notes].every(Array.isArray)) return results;
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof Deno.errors.NotFound)) throw error;
    }
    throw new DataError(`${path} is not what the bench writes with --json; measure again`);
  }));
}

/** Merges results. If a row was measured twice, the later one counts. */
export function merge(results: readonly Results[]): Results {
  const rows: Row[] = [];
  for (const row of results.flatMap((each) => each.rows)) {
    const known = rows.find((other) => KEYS.every((key) => other[key] === row[key]));
    if (known) rows[rows.indexOf(known)] = row;
    else rows.push(row);
  }
  return {
    rows,
    scale: results.findLast(({ scale }) => scale)?.scale,
    contestants: [...new Set(results.flatMap(({ contestants }) => contestants))],
    notes: [...new Set(results.flatMap(({ notes }) => notes))],
  };
}
