/** The report's tables. */

import { markdownTable } from "../tools/support/markdown_table.ts";
import type { Row, Work } from "./rows.ts";

const PER_CENT = 100;

/** Returns the rows of some work on a device. */
export function select(rows: readonly Row[], work: Work, device: Row["device"]): Row[] {
  return rows.filter((row) => row.work === work && row.device === device);
}

/** "od_resnet18 n=4". */
export function nameOf({ model, kernelNum }: Row): string {
  return model.startsWith("od_") ? `${model} n=${kernelNum}` : model;
}

/** Formats a ratio: "12x", "1.31x". */
export function times(ratio: number | undefined): string {
  return ratio === undefined ? "" : `${ratio.toPrecision(3)}x`;
}

function peersIn(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap(({ peers }) => Object.keys(peers)))];
}

/** Returns a table of times, speeds and the time ratio of each peer; `more` adds columns. */
export function comparison(rows: readonly Row[], more: Readonly<Record<string, (row: Row) => string>> = {}): string {
  const peers = peersIn(rows);
  const hasCeiling = rows.some(({ ceilingGflops }) => ceilingGflops !== null);
  const header = [
    "",
    "batch",
    "ms",
    "GFLOP/s",
    ...(hasCeiling ? ["of the ceiling"] : []),
    ...Object.keys(more),
    ...peers,
  ];
  return markdownTable(
    header,
    rows.map((row) => [
      nameOf(row),
      String(row.batch),
      row.ms.toPrecision(3),
      row.gflops.toFixed(1),
      ...(hasCeiling ? [`${(PER_CENT * row.gflops / row.ceilingGflops!).toFixed(0)}%`] : []),
      ...Object.values(more).map((column) => column(row)),
      ...peers.map((name) => times(row.peers[name] && row.peers[name] / row.ms)),
    ]),
  );
}
