/** Tests that NaN does not disappear. Shader compilers may assume that there is none. */

import { assertEquals } from "@std/assert";
import { Graph, type Operator, type Shape, size, type Value } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { withWebGpu } from "./support.ts";

const NUMBERS = [NaN, -1, 2, NaN, 0];

/** Layers that end in an activation, by what is special about them: x and weight, the window. */
const LAYERS: Readonly<Record<string, { x: Shape; weight: Shape; groups?: number; padding?: number }>> = {
  "1x1": { x: [1, 5, 4, 4], weight: [6, 5, 1, 1] },
  "3x3": { x: [1, 8, 9, 9], weight: [8, 8, 3, 3], padding: 1 },
  "depthwise": { x: [1, 4, 5, 5], weight: [4, 1, 3, 3], groups: 4, padding: 1 },
  "2 groups": { x: [2, 4, 5, 5], weight: [6, 2, 3, 3], groups: 2, padding: 1 },
  "linear": { x: [2, 7], weight: [6, 7] },
};

function add(graph: Graph, op: object, name: string, operands: Record<string, Value>, attributes = {}): Value {
  return graph.apply(op as Operator, name, operands, attributes);
}

for (const activation of ["relu", "relu6"] as const) {
  Deno.test(`${activation} and its gradient let NaN pass, as PyTorch's do`, async () => {
    await withWebGpu({}, async (backend) => {
      const graph = new Graph();
      const [x, gradient] = ["x", "gradient"].map((name) => graph.input(name, [1, 5]));
      graph.output("y", add(graph, OPERATORS[activation], "y", { x }));
      graph.output(
        "dx",
        add(graph, TRAINING_OPERATORS.elementwise_grad, "dx", { y: x, gradient }, { of: activation, to: "x" }),
      );
      const executable = await backend.compile(graph);
      const given = { x: Float32Array.from(NUMBERS), gradient: Float32Array.of(3, NaN, NaN, NaN, 4) };
      const { y, dx } = await executable.run(given);
      assertEquals([[...y], [...dx]], [[NaN, 0, 2, NaN, 0], [3, 0, NaN, NaN, 0]]);
      executable.dispose();
    });
  });

  Deno.test(`layers that end in ${activation} let NaN pass, of weights as of images`, async () => {
    await withWebGpu({}, async (backend) => {
      for (const [name, { x: shape, weight: weightShape, groups = 1, padding = 0 }] of Object.entries(LAYERS)) {
        for (const broken of ["x", "weight"]) {
          const graph = new Graph();
          const numbers = (operand: string, length: number) =>
            new Float32Array(length).fill(0.1).map((v, i) => operand === broken && i < 9 ? NaN : v);
          const weight = graph.parameter(
            "weight",
            weightShape,
            () => Promise.resolve(numbers("weight", size(weightShape))),
          );
          const operands = { x: graph.input("x", shape), weight };
          const window = { stride: [1, 1], padding: [padding, padding], dilation: [1, 1], groups };
          const y = name === "linear"
            ? add(graph, OPERATORS.linear, name, operands, { activation })
            : add(graph, OPERATORS.conv2d, name, operands, { ...window, activation });
          graph.output("y", y);
          const executable = await backend.compile(graph);
          const answer = await executable.run({ x: numbers("x", size(shape)) });
          executable.dispose();
          // The first pixel of the first channel: a broken number is in its sum.
          assertEquals(answer.y.slice(0, 1), Float32Array.of(NaN), `${name}, NaN in ${broken}`);
        }
      }
    });
  });
}
