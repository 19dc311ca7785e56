import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { assertParity, withWebGpu } from "./support.ts";

const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, activation: "relu" } as const;
const pointwise = { ...window, padding: [0, 0], activation: "none" } as const;

/**
 * A residual block of ODConv layers with a shared attention branch. Its values have various lifetimes, and several
 * kernels read them.
 */
function dynamicBlock(): RandomGraph {
  const g = new RandomGraph();
  const { graph } = g;
  const x = g.input("x", [3, 6, 11, 9]);
  const temperature = graph.input("temperature", [1], Float32Array.of(2));
  let y = graph.apply(conv2d, "stem", { x, weight: g.parameter("stem", [8, 6, 3, 3]) }, window);
  for (const name of ["a", "b"]) {
    const parameter = (suffix: string, shape: number[]) => g.parameter(`${name}.${suffix}`, shape);
    const pooled = graph.apply(OPERATORS.global_avg_pool, `${name}.pool`, { x: y }, {});
    const z = graph.apply(OPERATORS.linear, `${name}.fc`, { x: pooled, weight: parameter("fc", [16, 8, 1, 1]) }, {
      activation: "relu",
    });
    const head = (suffix: string, n: number, activation: "sigmoid" | "none") =>
      graph.apply(OPERATORS.linear, `${name}.${suffix}`, {
        x: z,
        weight: parameter(suffix, [n, 16]),
        bias: parameter(`${suffix}.bias`, [n]),
        temperature: activation === "sigmoid" ? temperature : undefined,
      }, { activation });
    const mixed = graph.apply(OPERATORS.softmax, `${name}.softmax`, { x: head("kernel", 3, "none"), temperature }, {});
    const shortcut = graph.apply(conv2d, `${name}.down`, { x: y, weight: parameter("down", [8, 8, 1, 1]) }, pointwise);
    y = graph.apply(dynamicConv2d, `${name}.conv`, {
      x: y,
      weight: parameter("conv", [3, 8, 8, 3, 3]),
      channel: head("channel", 8, "sigmoid"),
      filter: head("filter", 8, "sigmoid"),
      spatial: head("spatial", 9, "sigmoid"),
      kernel: mixed,
      residual: shortcut,
    }, window);
    graph.output(name, y);
  }
  return g;
}

/** Weights that every run is given: laid out on the device. */
function givenWeights(): RandomGraph {
  const g = new RandomGraph();
  const x = g.input("x", [2, 6, 5, 5]);
  const y = g.graph.apply(conv2d, "conv", { x, weight: g.input("w", [9, 6, 3, 3]), bias: g.input("b", [9]) }, window);
  const dynamic = { x: y, weight: g.input("dw", [2, 5, 9, 1, 1]), kernel: g.input("a", [2, 2]) };
  const z = g.graph.apply(dynamicConv2d, "odconv", dynamic, pointwise);
  const pooled = g.graph.apply(OPERATORS.global_avg_pool, "pool", { x: z }, {});
  const fc = { x: pooled, weight: g.input("fc", [3, 5]) };
  g.graph.output("y", g.graph.apply(OPERATORS.linear, "fc", fc, { activation: "none" }));
  return g;
}

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`compile() keeps every value until its last reader when operands are read from a ${operands}`, async () => {
    await withWebGpu({ operands }, (backend) => assertParity(backend, "block", dynamicBlock(), 5e-6));
  });

  Deno.test(`compile() lays weights out on the device when runs give them, read from a ${operands}`, async () => {
    await withWebGpu({ operands }, (backend) => assertParity(backend, "given", givenWeights()));
  });
}
