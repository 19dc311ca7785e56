/**
 * Writes the trace event format of chrome://tracing and https://ui.perfetto.dev: a row of layers and a row of kernels.
 * Source: "Trace Event Format", a document of the Chromium project.
 *
 * @module
 */

import type { Cost } from "./cost.ts";

const LAYERS = 1, KERNELS = 2;

/** Returns the trace as JSON. `name` is the trace's title. */
export function chromeTrace(name: string, costs: readonly Cost[]): string {
  const label = (kind: string, tid: number, text: string) => ({
    ph: "M",
    name: kind,
    pid: 1,
    tid,
    args: { name: text },
  });
  const event = (tid: number, name: string, start: number, milliseconds: number, args: Record<string, unknown>) => ({
    ph: "X",
    name,
    pid: 1,
    tid,
    // The format uses microseconds.
    ts: start * 1000,
    dur: milliseconds * 1000,
    args,
  });
  const layers: { name: string; start: number; end: number }[] = [];
  for (const { node, start, milliseconds } of costs) {
    const last = layers.at(-1);
    if (last?.name === node) last.end = start + milliseconds;
    else layers.push({ name: node, start, end: start + milliseconds });
  }
  return JSON.stringify({
    displayTimeUnit: "ms",
    traceEvents: [
      label("process_name", LAYERS, name),
      label("thread_name", LAYERS, "layers"),
      label("thread_name", KERNELS, "kernels"),
      ...layers.map(({ name, start, end }) => event(LAYERS, name, start, end - start, {})),
      ...costs.map(({ node, kernel, start, milliseconds, flops, bytes }) =>
        event(KERNELS, kernel, start, milliseconds, {
          layer: node,
          megabytes: bytes / 1e6,
          ...(flops && milliseconds && { gflops: flops / milliseconds / 1e6 }),
        })
      ),
    ],
  });
}
