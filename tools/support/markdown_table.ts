/**
 * Returns a Markdown table in the layout of `deno fmt`. The first column is left-aligned. The others are numbers and
 * right-aligned.
 */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(3, ...all.map((cells) => cells[i].length)));
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  const padded = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]));
  return [padded(header), rule, ...rows.map(padded)].map((cells) => `| ${cells.join(" | ")} |`).join("\n") + "\n";
}
