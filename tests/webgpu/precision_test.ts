import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeviceError } from "../../src/errors.ts";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import { ANY_DEVICE, plannedMemory } from "../../src/webgpu/planner/planned_memory.ts";
import { planGraph } from "../../src/webgpu/planner/planner.ts";
import { createModel } from "../../src/models/model/model.ts";
import { runReference } from "../support/reference_ops.ts";
import { relativeError } from "../support/error.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { withWebGpu } from "./support.ts";

const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, activation: "none" } as const;

/** Convolutions with every layout of weights: as values, transformed by Winograd, depthwise, in groups, n kernels. */
function convolutions(map: (v: number) => number): RandomGraph {
  const g = new RandomGraph();
  const { graph } = g;
  const x = g.input("x", [2, 8, 9, 10]);
  const kernel = g.input("attention", [2, 3]);
  const weight = (name: string, shape: number[]) => g.parameter(name, shape, map);
  const outputs = {
    winograd: graph.apply(conv2d, "3x3", { x, weight: weight("a", [8, 8, 3, 3]) }, window),
    strided: graph.apply(conv2d, "strided", { x, weight: weight("b", [12, 8, 3, 3]) }, { ...window, stride: [2, 2] }),
    pointwise: graph.apply(conv2d, "1x1", { x, weight: weight("c", [6, 8, 1, 1]) }, { ...window, padding: [0, 0] }),
    depthwise: graph.apply(conv2d, "depthwise", { x, weight: weight("d", [8, 1, 3, 3]) }, { ...window, groups: 8 }),
    grouped: graph.apply(conv2d, "grouped", { x, weight: weight("e", [8, 4, 3, 3]) }, { ...window, groups: 2 }),
    dynamic: graph.apply(dynamicConv2d, "dynamic", { x, weight: weight("f", [3, 8, 8, 3, 3]), kernel }, window),
  };
  for (const [name, value] of Object.entries(outputs)) graph.output(name, value);
  return g;
}

for (const profile of ["software", "hardware"] as const) {
  for (const operands of ["texture", "buffer"] as const) {
    Deno.test(`float16 weights answer what rounded ones do, read from a ${operands} in the ${profile} profile`, async () => {
      await withWebGpu({ precision: "float16", operands, profile }, async (backend) => {
        const { graph, inputs } = convolutions((v) => v);
        const rounded = convolutions((v) => new Float16Array([v])[0]);
        const expected = await runReference(rounded.graph, rounded.inputs);
        const executable = await backend.compile(graph);
        const actual = await executable.run(inputs);
        executable.dispose();
        for (const name of graph.outputs.keys()) {
          const error = relativeError(actual[name], expected[name]);
          assert(error <= 4e-6, `${name}: relative error ${error.toExponential(2)}`);
        }
      });
    });
  }
}

Deno.test("float16 weights take half the memory of float32 ones, and only convolutions' are kept so", () => {
  const graph = createModel({ arch: "od_resnet18", kernelNum: 4 }).graph({ batch: 1 });
  const whole = plannedMemory(graph).kept;
  const half = plannedMemory(graph, { ...ANY_DEVICE, precision: "float16" }).kept;
  assert(half < 0.6 * whole && half > 0.5 * whole, `${half} of ${whole} bytes`);
  const { uploads } = planGraph(graph, { ...ANY_DEVICE, precision: "float16" });
  for (const [{ name, shape }, resources] of uploads) {
    const isWeight = shape.length === 5 || (shape.length === 4 && name.includes("conv") && shape[2] > 1);
    if (isWeight) assertEquals(resources.map(({ resource }) => resource.precision), ["float16"], name);
    if (shape.length === 1) assertEquals(resources.map(({ resource }) => resource.precision), [undefined], name);
  }
});

Deno.test("compile() refuses weights beyond float16, naming them", async () => {
  await withWebGpu({ precision: "float16" }, async (backend) => {
    const { graph } = convolutions((v) => v * 1e6);
    const error = await assertRejects(() => backend.compile(graph), DeviceError);
    assert(/^[a-f]: .*beyond float16 \(at most 65504\)/.test(error.message), error.message);
  });
});

Deno.test("a device of float16 weights says so where reports and tuning caches name it", async () => {
  await withWebGpu({ precision: "float16" }, (backend) => {
    assert(backend.description.endsWith(", float16 weights"), backend.description);
    return Promise.resolve();
  });
});
