import { type Bar, barChart } from "../src/plots/mod.ts";
import { nameOf, select } from "./tables.ts";
import type { Row } from "./rows.ts";

/** Names of this project's executors. */
const SERIES: Readonly<Record<Row["device"], string>> = {
  webgpu: "this project, WebGPU",
  cpu: "this project, one core",
  "cpu-pool": "this project, all cores",
};

/**
 * Draws the forward milliseconds per image of every network, by program, as SVG. Returns undefined if none was
 * measured.
 */
export async function chart(rows: readonly Row[]): Promise<string | undefined> {
  const forward = Object.keys(SERIES).flatMap((device) => select(rows, "forward", device as Row["device"]));
  const largest = Math.max(...forward.map(({ batch }) => batch));
  const bars = new Map<string, Bar>();
  for (const row of forward.filter(({ batch }) => batch === largest)) {
    const times = { [SERIES[row.device]]: row.ms, ...row.peers };
    for (const [series, ms] of Object.entries(times)) {
      const group = nameOf(row);
      // A peer of several executors is drawn once.
      bars.set(`${group}|${series}`, { group, series, value: ms / row.batch });
    }
  }
  if (bars.size === 0) return undefined;
  const axis = { label: "time an image", unit: "ms", log: true };
  return await barChart([...bars.values()], axis, { title: `Networks forward, batch ${largest}` });
}
