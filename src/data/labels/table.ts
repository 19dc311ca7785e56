/**
 * Splits a text into rows and cells: CSV with commas or semicolons, columns separated by tabs, or words separated by
 * spaces.
 *
 * @module
 */

/** A row that is not empty. */
export interface Row {
  /** Its cells, without surrounding spaces and quotes. */
  readonly cells: readonly string[];
  /** Its line number in the text, from 1. */
  readonly line: number;
}

/** Possible cell separators, in the order in which they are tried. */
const SEPARATORS = ["\t", ",", ";", /\s+/];

/** Returns the rows of a text. The separator is the first of tab, comma, semicolon and space that is in every line. */
export function readTable(text: string): readonly Row[] {
  const lines = text.split("\n").map((content, i) => ({ content: content.trim(), line: i + 1 }))
    .filter(({ content }) => content !== "");
  const separator = SEPARATORS.find((separator) => lines.every(({ content }) => content.search(separator) >= 0)) ??
    "\t";
  return lines.map(({ content, line }) => ({ cells: content.split(separator).map(unquoted), line }));
}

function unquoted(cell: string): string {
  const text = cell.trim();
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
