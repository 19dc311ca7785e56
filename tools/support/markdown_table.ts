/** A Markdown table as `deno fmt` lays it out: the first column to the left, the others, numbers, to the right. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(3, ...all.map((cells) => cells[i].length)));
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  const padded = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]));
  return [padded(header), rule, ...rows.map(padded)].map((cells) => `| ${cells.join(" | ")} |`).join("\n") + "\n";
}
