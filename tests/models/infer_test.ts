import { assertEquals, assertThrows } from "@std/assert";
import { CheckpointError } from "../../src/errors.ts";
import { inferConfig } from "../../src/models/find/infer.ts";
import type { TensorShapes } from "../../src/models/find/tensor_shapes.ts";
import { createModel } from "../../src/models/model/model.ts";
import type { ModelConfig } from "../../src/models/architectures/registry.ts";

function shapesOf(config: ModelConfig): Map<string, { shape: readonly number[] }> {
  return new Map(createModel(config).stateDictSpec().map(({ name, shape }) => [name, { shape }]));
}

const listed = (shapes: TensorShapes) => [...shapes].map(([name, { shape }]) => `${name} [${shape}]`);

Deno.test("inferConfig() answers a configuration of the same tensors, whatever the reduction", () => {
  for (const arch of ["od_resnet18", "od_resnet50", "od_mobilenetv2_050"]) {
    for (const reduction of [1, 1 / 2, 1 / 16, 1 / 32, 1 / 128, 1 / 256, 0.001, 0.3]) {
      const shapes = shapesOf({ arch, kernelNum: 4, reduction });
      const found = inferConfig(shapes);
      assertEquals([found.arch, found.kernelNum], [arch, 4]);
      assertEquals(listed(shapesOf(found)), listed(shapes), `${arch} of reduction ${reduction}`);
    }
  }
});

Deno.test("inferConfig() takes the classes from the classifier, not from another matrix", () => {
  for (const arch of ["resnet18", "mobilenetv2_100"]) {
    const shapes = shapesOf({ arch, numClasses: 7 });
    shapes.set("extra.weight", { shape: [3, 3] });
    const { numClasses } = inferConfig(shapes);
    assertEquals([arch, numClasses], [arch, 7]);
  }
});

Deno.test("inferConfig() stays with what a layer can be when extents are 0 or missing", () => {
  const shapes = shapesOf({ arch: "od_resnet18", kernelNum: 4, numClasses: 7 });
  const broken = new Map([...shapes.keys()].map((name) => [name, { shape: [0, 0, 0, 0, 0] }]));
  assertThrows(() => inferConfig(broken), CheckpointError, "of no known architecture");
  shapes.set("fc.weight", { shape: [0, 512] });
  shapes.set("layer1.0.conv1.attention.fc.weight", { shape: [16, 0, 1, 1] });
  shapes.set("layer1.0.conv2.attention.fc.weight", { shape: [] });
  assertEquals(inferConfig(shapes), { arch: "od_resnet18", kernelNum: 4, reduction: 0.0625, numClasses: 1000 });
});
