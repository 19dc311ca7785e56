/** Tests that each buffer and dispatch of a plan is checked against the device's limits before the device is used. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DeviceError } from "../../src/errors.ts";
import { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { createModel } from "../../src/models/model/model.ts";
import { adamW } from "../../src/training/optimizer.ts";
import { trainerGraph } from "../../src/training/trainer.ts";
import type { Capabilities, Plan } from "../../src/webgpu/plan/plan.ts";
import { ANY_DEVICE } from "../../src/webgpu/planner/planned_memory.ts";
import { planGraph } from "../../src/webgpu/planner/planner.ts";

/** What WebGPU promises, with as many storage buffers as kernels make use of. */
const PROMISED: Capabilities = {
  ...ANY_DEVICE,
  maxBindingBytes: 2 ** 27,
  maxBufferBytes: 2 ** 28,
  storageBuffers: 12,
};

/** The same as a software adapter has it. */
const SOFTWARE: Capabilities = {
  ...PROMISED,
  profile: "software",
  operands: "texture",
  maxTextureTexels: 8192 * 1024,
};

function sharedCorrelations({ steps }: Plan): number {
  return steps.filter((step) =>
    step.kind === "dispatch" && step.dispatch.shader.label.endsWith("_weight_grad_and_attention_grads")
  ).length;
}

for (const [capabilities, batch] of [[PROMISED, 64], [SOFTWARE, 256]] as const) {
  Deno.test(`a training step of ${batch} images of od_resnet18, 4 kernels, stays within bindings of 128 MiB for ${capabilities.profile}`, () => {
    const model = createModel({ arch: "od_resnet18", kernelNum: 4 });
    const graph = trainerGraph(model, { batch, inputShape: [3, 32, 32], optimizer: adamW() });
    const plan = planGraph(graph, capabilities);
    const largest = plan.resources.reduce((a, b) => b.texels > a.texels ? b : a);
    assert(largest.texels * 16 <= 2 ** 27, `${largest.label}: ${largest.texels * 16} bytes`);
    // In parts, which is what keeps it there: half the batch needs fewer of them.
    const half = planGraph(
      trainerGraph(model, { batch: batch / 2, inputShape: [3, 32, 32], optimizer: adamW() }),
      capabilities,
    );
    assert(sharedCorrelations(plan) > sharedCorrelations(half));
  });
}

/** y = relu(x) of so many images. */
function relu(shape: readonly number[]): Graph {
  const graph = new Graph();
  graph.output("y", graph.apply(OPERATORS.relu, "relu", { x: graph.input("x", shape) }, {}));
  return graph;
}

const CASES: Readonly<Record<string, readonly [Partial<Capabilities>, () => Graph, RegExp, "too large" | undefined]>> =
  {
    "a value exceeds a binding": [
      { maxBindingBytes: 2 ** 16 },
      () => relu([8, 4, 32, 32]),
      /^x: a batch of 8 makes a tensor \[8, 4, 32, 32\] of 128.0 KiB; .* 64.0 KiB; a batch of 4 fits$/,
      "too large",
    ],
    "a value exceeds a buffer": [
      { maxBufferBytes: 2 ** 16 + 8 },
      () => relu([8, 4, 32, 32]),
      /^x: .* 64.0 KiB; a batch of 4 fits$/,
      "too large",
    ],
    "a parameter exceeds a binding": [
      { maxBindingBytes: 512 },
      () => {
        const graph = new Graph();
        const w = graph.parameter("w", [1, 4, 8, 8], () => Promise.resolve(new Float32Array(256)));
        graph.output("y", graph.apply(OPERATORS.relu, "relu", { x: w }, {}));
        return graph;
      },
      /^w: a parameter of 1.0 KiB; .* 0.5 KiB; use the CPU$/,
      undefined,
    ],
    "there are too many workgroups for two dimensions": [
      { maxWorkgroups: 4 },
      () => relu([2, 4, 32, 32]),
      /^x \(\w+\): \d+ invocations of \d+ a workgroup; this adapter takes at most 4 x 4 workgroups/,
      "too large",
    ],
    "the outputs together exceed a buffer": [
      { maxBufferBytes: 2 ** 16 },
      () => {
        const graph = relu([2, 4, 32, 32]);
        for (const name of ["z", "v"]) graph.output(name, graph.outputs.get("y")!);
        return graph;
      },
      /^the outputs together take 96.0 KiB; .* 64.0 KiB at once/,
      "too large",
    ],
  };

Deno.test("planGraph() names the batch that fits: that one does, and no larger one", () => {
  const graph = (batch: number) => createModel({ arch: "od_resnet20", kernelNum: 4 }).graph({ batch });
  for (const capabilities of [PROMISED, SOFTWARE]) {
    const small = { ...capabilities, maxBindingBytes: 2 ** 20 };
    const { message } = assertThrows(() => planGraph(graph(64), small), DeviceError);
    const batch = Number(/a batch of (\d+) fits$/.exec(message)![1]);
    assert(batch > 1 && batch < 64, message);
    planGraph(graph(batch), small);
    assertThrows(() => planGraph(graph(batch + 1), small), DeviceError, `a batch of ${batch} fits`);
  }
});

for (const [what, [limits, graph, message, reason]] of Object.entries(CASES)) {
  Deno.test(`planGraph() throws DeviceError of reason ${reason ?? "none"} when ${what}`, () => {
    planGraph(graph(), ANY_DEVICE);
    const error = assertThrows(() => planGraph(graph(), { ...ANY_DEVICE, ...limits }), DeviceError);
    assert(message.test(error.message), error.message);
    assertEquals(error.reason, reason);
  });
}
