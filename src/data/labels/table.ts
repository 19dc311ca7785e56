/**
 * Rows and cells of a text: CSV with commas or semicolons, columns between tabs, or words between spaces.
 *
 * @module
 */

/** A row that is not empty. */
export interface Row {
  /** Its cells, without the spaces and quotes around them. */
  readonly cells: readonly string[];
  /** Which line of the text it is, from 1. */
  readonly line: number;
}

/** In the order in which they are tried: what separates cells in every line. */
const SEPARATORS = ["\t", ",", ";", /\s+/];

/** The rows of a text. Its cells are separated by the first of tab, comma, semicolon and space that every line has. */
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
