import { assert, assertEquals } from "@std/assert";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { chromeTrace } from "../../src/webgpu/profiler/chrome_trace.ts";
import { costsOf, totalsBy } from "../../src/webgpu/profiler/cost.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { withWebGpu } from "./support.ts";

/** A convolution, a pooling and a linear layer. */
function network(): RandomGraph {
  const g = new RandomGraph();
  const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, activation: "none" } as const;
  const operands = { x: g.input("x", [2, 8, 6, 5]), weight: g.parameter("w", [12, 8, 3, 3]) };
  const pooled = g.graph.apply(OPERATORS.global_avg_pool, "pool", {
    x: g.graph.apply(conv2d, "conv", operands, window),
  }, {});
  const fc = { x: pooled, weight: g.parameter("fc", [10, 12]) };
  g.graph.output("y", g.graph.apply(OPERATORS.linear, "fc", fc, { activation: "none" }));
  return g;
}

Deno.test("costsOf() counts each layer's operations once and the bytes of every step", async () => {
  await withWebGpu({ operands: "buffer" }, async (backend) => {
    const { graph, inputs } = network();
    const executable = await backend.compile(graph);
    const costs = costsOf(executable.plan, await executable.profile(inputs));
    const layers = new Map(totalsBy("node", costs).map((total) => [total.name, total]));
    assertEquals(layers.get("conv")!.flops, 2 * 2 * 12 * 30 * 8 * 9);
    assertEquals(layers.get("fc")!.flops, 2 * 2 * 10 * 12);
    assertEquals([layers.get("pool")!.flops, layers.get("x")!.flops], [0, 0]);
    // The map, in and out, in blocks of four channels.
    assertEquals(layers.get("pool")!.bytes, (2 * 3 * 30 + 2 * 3) * 16);
    const kernels = totalsBy("kernel", costs);
    assertEquals(kernels.reduce((sum, { steps }) => sum + steps, 0), executable.plan.steps.length);
    const sum = (values: readonly { milliseconds: number }[]) =>
      values.reduce((s, { milliseconds }) => s + milliseconds, 0);
    for (const totals of [kernels, [...layers.values()]]) assert(Math.abs(sum(totals) / sum(costs) - 1) < 1e-9);
  });
});

Deno.test("chromeTrace() is JSON of complete events in the order of time, a row of layers over a row of kernels", async () => {
  await withWebGpu({}, async (backend) => {
    const { graph, inputs } = network();
    const executable = await backend.compile(graph);
    const costs = costsOf(executable.plan, await executable.profile(inputs));
    const { traceEvents } = JSON.parse(chromeTrace("net", costs)) as {
      traceEvents: { ph: string; name: string; tid: number; ts: number; dur: number; args: Record<string, unknown> }[];
    };
    const row = (tid: number) => traceEvents.filter((event) => event.ph === "X" && event.tid === tid);
    assertEquals(row(1).map(({ name }) => name), ["x", "conv", "pool", "fc"]);
    assertEquals(row(2).map(({ name }) => name), costs.map(({ kernel }) => kernel));
    for (const tid of [1, 2]) {
      for (const [i, { ts, dur }] of row(tid).entries()) {
        assert(ts >= 0 && dur >= 0 && (i === 0 || ts >= row(tid)[i - 1].ts));
      }
    }
    const conv = row(2).find(({ args }) => args.gflops !== undefined)!;
    assertEquals(conv.args.layer, "conv");
    assertEquals(traceEvents.filter(({ ph }) => ph === "M").map(({ args }) => args.name), ["net", "layers", "kernels"]);
  });
});
