import { assert, assertEquals, assertThrows } from "@std/assert";
import { ShapeError } from "../../src/errors.ts";
import { Graph } from "../../src/graph/graph.ts";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import { optimizeForInference } from "../../src/graph/passes/mod.ts";
import { attentionOutputs, effectiveKernel } from "../../src/models/model/attention.ts";
import { createModel } from "../../src/models/model/model.ts";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";
import { relativeError } from "../support/error.ts";
import { interpret } from "../support/float64_interpreter.ts";
import { randomStateDict, uniform } from "../support/random_weights.ts";

const model = createModel({ arch: "od_resnet20", kernelNum: 4 });
model.loadStateDict(randomStateDict(model.stateDictSpec()));

for (const device of DEVICE_NAMES) {
  Deno.test(`attentionOutputs() makes runs on the ${device} answer every layer's attentions beside the logits`, async () => {
    const graph = model.trace();
    const layers = attentionOutputs(graph);
    assertEquals(layers.length, 18);
    assertEquals(layers[0], {
      name: "layer1.0.conv1",
      weightShape: [4, 16, 16, 3, 3],
      outputs: {
        spatial: "layer1.0.conv1.attention.spatial",
        channel: "layer1.0.conv1.attention.channel",
        filter: "layer1.0.conv1.attention.filter",
        kernel: "layer1.0.conv1.attention.kernel",
      },
    });
    const backend = await openTestDevice(device);
    try {
      const x = uniform("image", [1, 3, 32, 32], 2);
      const plain = await model.compile(backend);
      const answers = await (await backend.compile(optimizeForInference(graph))).run({ x });
      assert(relativeError(answers.logits, await plain.run(x)) < 1e-5);
      for (const { outputs, weightShape: [n, cout, cin] } of layers) {
        const lengths = { spatial: 9, channel: cin, filter: cout, kernel: n };
        for (const attention of ["spatial", "channel", "filter", "kernel"] as const) {
          const values = answers[outputs[attention]!];
          assertEquals(values.length, lengths[attention]);
          assert(values.every((v) => v > 0 && v < 1));
        }
        assert(Math.abs(answers[outputs.kernel!].reduce((a, b) => a + b) - 1) < 1e-6);
      }
    } finally {
      backend.dispose();
    }
  });
}

Deno.test("attentionOutputs() answers nothing when the network has no ODConv layer", () => {
  assertEquals(attentionOutputs(createModel({ arch: "resnet20" }).trace()), []);
});

const attributes = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], activation: "none" } as const;

for (const groups of [1, 2, 6]) {
  Deno.test(`effectiveKernel() convolves as the layer does when there are ${groups} groups`, () => {
    const weightShape = [3, 12, 6 / groups, 3, 3];
    const shapes = { x: [1, 6, 5, 5], channel: [1, 6], filter: [1, 12], spatial: [1, 9], kernel: [1, 3] };
    const given = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, uniform(name, shape)]));
    const weight = uniform("weight", weightShape);

    const dynamic = new Graph();
    const operands = Object.fromEntries(Object.entries(shapes).map(([name, s]) => [name, dynamic.input(name, s)]));
    const { x, ...attentions } = operands;
    const w = dynamic.input("weight", weightShape);
    dynamic.output("y", dynamic.apply(dynamicConv2d, "y", { x, weight: w, ...attentions }, { ...attributes, groups }));

    const fixed = new Graph();
    const kernel = fixed.input("weight", weightShape.slice(1));
    const image = fixed.input("x", shapes.x);
    fixed.output("y", fixed.apply(conv2d, "y", { x: image, weight: kernel }, { ...attributes, groups }));

    const expected = interpret(dynamic, { ...given, weight }).y;
    const actual = interpret(fixed, { x: given.x, weight: effectiveKernel(weight, weightShape, given) }).y;
    assert(relativeError(Float32Array.from(actual), Float32Array.from(expected)) < 1e-6);
  });
}

Deno.test("effectiveKernel() throws ShapeError when a length does not fit", () => {
  const weight = new Float32Array(2 * 3 * 4 * 9);
  const shape = [2, 3, 4, 3, 3];
  assertThrows(() => effectiveKernel(weight, shape, { spatial: new Float32Array(4) }), ShapeError, "expected 9");
  assertThrows(() => effectiveKernel(weight.subarray(1), shape, {}), ShapeError, "215 numbers");
});
