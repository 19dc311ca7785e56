import { type Bar, barChart } from "../src/plots/mod.ts";
import { nameOf, select } from "./tables.ts";
import type { Row } from "./rows.ts";

/** Milliseconds an image of every network forward, by program, as SVG; undefined where none was measured. */
export async function chart(rows: readonly Row[]): Promise<string | undefined> {
  const forward = [...select(rows, "forward", "webgpu"), ...select(rows, "forward", "cpu")];
  const largest = Math.max(...forward.map(({ batch }) => batch));
  const bars = new Map<string, Bar>();
  for (const row of forward.filter(({ batch }) => batch === largest)) {
    const times = { [`this project, ${row.device === "cpu" ? "CPU" : "WebGPU"}`]: row.ms, ...row.peers };
    for (const [series, ms] of Object.entries(times)) {
      const group = nameOf(row);
      // ONNX Runtime's WASM is a peer of both executors, timed once.
      bars.set(`${group}|${series}`, { group, series, value: ms / row.batch });
    }
  }
  if (bars.size === 0) return undefined;
  const axis = { label: "time an image", unit: "ms", log: true };
  return await barChart([...bars.values()], axis, { title: `Networks forward, batch ${largest}` });
}
