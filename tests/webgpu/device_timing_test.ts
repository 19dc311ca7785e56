/**
 * Tests profiling with clocks as on Metal (timestamps that do not advance) and in browsers (rounded to a coarse step).
 */

import { assert, assertEquals } from "@std/assert";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { openWebGpu, type WebGpuBackend } from "../../src/webgpu/device.ts";
import { ceilingMeter } from "../../src/webgpu/profiler/ceiling.ts";
import { clockOf } from "../../src/webgpu/run/timing.ts";
import { adapterOf, tunedChoice } from "../../src/webgpu/tuning/choose.ts";
import { Tuning } from "../../src/webgpu/tuning/tuning.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { type Faults, FaultyGpu } from "./faulty_gpu.ts";

const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, activation: "relu" } as const;

function network(): RandomGraph {
  const g = new RandomGraph();
  const operands = { x: g.input("x", [2, 8, 12, 12]), weight: g.parameter("w", [8, 8, 3, 3]) };
  g.graph.output("y", g.graph.apply(conv2d, "conv", operands, window));
  return g;
}

async function withClock(
  clock: Faults["clock"],
  use: (backend: WebGpuBackend, faulty: FaultyGpu) => Promise<void>,
): Promise<void> {
  const faulty = new FaultyGpu({ clock });
  const backend = (await openWebGpu({ gpu: faulty.gpu }))!;
  try {
    await use(backend, faulty);
  } finally {
    backend.dispose();
  }
}

/** What becomes of a timestamp, and the clock that is believed in the end where the adapter has timestamps at all. */
const CLOCKS: Readonly<Record<string, readonly [Faults["clock"], "timestamps" | "wall"]>> = {
  "are the device's own": [undefined, "timestamps"],
  "are rounded to 65,536 ns": [(t) => t / 65536n * 65536n, "timestamps"],
  "are rounded to 100 microseconds": [(t) => t / 100_000n * 100_000n, "timestamps"],
  "are zero": [() => 0n, "wall"],
  "stand still": [() => 123_456_789n, "wall"],
  "run backwards": [(t) => 2n ** 63n - t, "wall"],
  "count a thousand times too fast": [(t) => t * 1000n, "wall"],
};

for (const [what, [clock, believed]] of Object.entries(CLOCKS)) {
  Deno.test(`every time is above zero, and true, when timestamps ${what}`, async () => {
    await withClock(clock, async (backend, faulty) => {
      const { graph, inputs } = network();
      const hasStamps = clockOf(backend.device) === "timestamps";
      const tuning = new Tuning({ measure: true });
      await tunedChoice(backend, graph, tuning);
      const adapter = adapterOf(backend);
      const { adapters } = JSON.parse(tuning.toJSON());
      const times = Object.values<{ milliseconds: Record<string, number> }>(adapters[adapter])
        .flatMap(({ milliseconds }) => Object.values(milliseconds));
      assert(times.length > 1);
      for (const ms of times) assert(ms > 0 && ms < 1000, `${ms} ms`);
      const executable = await backend.compile(graph);
      await executable.run(inputs);
      const steps = await executable.profile(inputs);
      assertEquals(steps[0].start, 0);
      for (const [i, { start, milliseconds }] of steps.entries()) {
        assert(milliseconds > 0 && milliseconds < 1000, `${milliseconds} ms`);
        if (i > 0) assert(start >= steps[i - 1].start + steps[i - 1].milliseconds - 1e-6);
      }
      const gflops = await (await ceilingMeter(backend))();
      assert(gflops > 0.1 && gflops < 1e6, `${gflops} GFLOP/s`);
      if (hasStamps) assertEquals(clockOf(backend.device), believed);
      assertEquals(faulty.emptyPasses, 0);
    });
  });
}
