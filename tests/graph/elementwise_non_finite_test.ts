/** Tests elementwise operators with NaN and infinities on every device: the results equal PyTorch's. */

import { assertEquals } from "@std/assert";
import { Graph, type Operator } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";

const X = [NaN, Infinity, -Infinity, 100, -100];

/** Operator, attributes, PyTorch's results for X. */
const CASES: readonly [keyof typeof OPERATORS, Record<string, unknown>, readonly number[]][] = [
  ["relu", {}, [NaN, Infinity, 0, 100, 0]],
  ["relu6", {}, [NaN, 6, 0, 6, 0]],
  ["tanh", {}, [NaN, 1, -1, 1, -1]],
  ["hardsigmoid", {}, [NaN, 1, 0, 1, 0]],
  ["leaky_relu", { negativeSlope: 0.5 }, [NaN, Infinity, -Infinity, 100, -50]],
  ["affine", { factor: 2, shift: 1 }, [NaN, Infinity, -Infinity, 201, -199]],
  ["max_to_size", { shape: [1, 1] }, [NaN]],
];

for (const device of DEVICE_NAMES) {
  Deno.test(`what is no number and infinities become what PyTorch makes of them on ${device}`, async () => {
    const backend = await openTestDevice(device);
    for (const [name, attributes, expected] of CASES) {
      const graph = new Graph();
      const x = graph.input("x", [1, X.length]);
      graph.output("y", graph.apply(OPERATORS[name] as Operator, name, { x }, attributes));
      const executable = await backend.compile(graph);
      const { y } = await executable.run({ x: Float32Array.from(X) });
      executable.dispose();
      assertEquals([...y].map((v) => v + 0), [...expected], name);
    }
    backend.dispose();
  });
}
