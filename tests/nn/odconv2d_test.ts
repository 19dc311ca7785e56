import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import { BatchNorm2d } from "../../src/nn/batch_norm2d.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Linear } from "../../src/nn/linear.ts";
import { traceModule } from "../../src/nn/module.ts";
import { ODConv2d } from "../../src/nn/odconv2d.ts";
import { replaceConv2d } from "../../src/nn/replace.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { AvgPool2d, Dropout, MaxPool2d } from "../../src/nn/stateless.ts";
import { createModel } from "../../src/models/model/model.ts";

/** Returns the names of the attention heads of an ODConv2d. */
function heads(layer: ODConv2d): string[] {
  return [...layer.children.get("attention")!.children.keys()].filter((name) => name.endsWith("_fc"));
}

Deno.test("ODConv2d takes Conv2d's arguments and gives its shapes", () => {
  const cases: ConstructorParameters<typeof Conv2d>[] = [
    [8, 12, 3],
    [8, 12, 3, { stride: 2, padding: 1 }],
    [8, 12, [3, 5], { stride: [1, 2], padding: [0, 2], dilation: [2, 1], groups: 4, bias: false }],
    [8, 8, 5, { padding: "same", groups: 8 }],
    [8, 12, 1, { padding: "valid" }],
  ];
  for (const args of cases) {
    const shape = (layer: Conv2d | ODConv2d) => traceModule(layer, [2, 8, 13, 11]).outputs.get("logits")!.shape;
    assertEquals(shape(new ODConv2d(...args)), shape(new Conv2d(...args)));
  }
});

Deno.test("ODConv2d has the attentions of the published layers", () => {
  assertEquals(heads(new ODConv2d(8, 12, 3, { kernelNum: 4 })), [
    "channel_fc",
    "filter_fc",
    "spatial_fc",
    "kernel_fc",
  ]);
  assertEquals(heads(new ODConv2d(8, 12, 1)), ["channel_fc", "filter_fc"]);
  assertEquals(heads(new ODConv2d(8, 8, 3, { groups: 8, kernelNum: 2 })), ["channel_fc", "spatial_fc", "kernel_fc"]);
});

Deno.test("ODConv2d's attention branch has max(int(Cin * reduction), 16) channels", () => {
  const hidden = (cin: number, reduction?: number) =>
    new ODConv2d(cin, 4, 1, { reduction }).children.get("attention")!.children.get("fc")!.parameters.get("weight")!
      .shape[0];
  assertEquals([hidden(64), hidden(512), hidden(300), hidden(300, 0.25)], [16, 32, 18, 75]);
});

Deno.test("ODConv2d refuses what Conv2d refuses, and half a kernel", () => {
  assertThrows(() => new ODConv2d(8, 12, 3, { groups: 5 }), ArgumentError, "5 groups do not divide");
  assertThrows(() => new ODConv2d(8, 12, 3, { kernelNum: 0.5 }), ArgumentError, "kernelNum is 0.5");
  assertThrows(() => new Conv2d(8, 12, 4, { padding: "same" }), ArgumentError, '"same" needs stride 1');
});

Deno.test("layers refuse arguments that are no whole numbers, naming them", () => {
  const whole = (name: string, found: string, least = 1) =>
    `${name} is ${found}, expected a whole number from ${least}`;
  const cases: [make: () => unknown, message: string][] = [
    [() => new Conv2d(0, 8, 3), whole("inChannels", "0")],
    [() => new Conv2d(8, -8, 3), whole("outChannels", "-8")],
    [() => new ODConv2d(8, 2.5, 3), whole("outChannels", "2.5")],
    [() => new Conv2d(8, 8, 0), whole("kernelSize", "0")],
    [() => new Conv2d(8, 8, [3, 1.5]), whole("kernelSize", "[3, 1.5]")],
    [() => new Conv2d(8, 8, 3, { stride: 0 }), whole("stride", "[0, 0]")],
    [() => new ODConv2d(8, 8, 3, { stride: [1, NaN] }), whole("stride", "[1, NaN]")],
    [() => new Conv2d(8, 8, 3, { dilation: 0 }), whole("dilation", "[0, 0]")],
    [() => new Conv2d(8, 8, 3, { groups: 0 }), whole("groups", "0")],
    [() => new Conv2d(8, 8, 3, { groups: -2 }), whole("groups", "-2")],
    [() => new Conv2d(8, 8, 3, { padding: -1 }), whole("padding", "-1", 0)],
    [() => new Conv2d(8, 8, 3, { padding: [0, 0.5] }), whole("padding", "[0, 0.5]", 0)],
    [() => new Conv2d(8, 8, 3, { padding: "full" as "same" }), whole("padding", '"full"', 0)],
    [() => new ODConv2d(8, 8, 3, { kernelNum: Infinity }), whole("kernelNum", "Infinity")],
    [() => new ODConv2d(8, 8, 3, { reduction: 0 }), "reduction is 0, expected a finite number above 0"],
    [() => new ODConv2d(8, 8, 3, { reduction: NaN }), "reduction is NaN, expected"],
    [() => new ODConv2d(8, 8, 3, { reduction: Infinity }), "reduction is Infinity, expected"],
    [() => new Linear(0, 10), whole("inFeatures", "0")],
    [() => new Linear(64, 1.5), whole("outFeatures", "1.5")],
    [() => new BatchNorm2d(0), whole("features", "0")],
    [() => new BatchNorm2d(8, NaN), "eps is NaN, expected a finite number from 0 up"],
    [() => new BatchNorm2d(8, 1e-5, 2), "momentum is 2, expected a finite number from 0 to 1"],
    [
      () => new Conv2d(8, 8, [3, 3, 3] as unknown as [number, number]),
      "kernelSize is [3, 3, 3], expected a number or a pair",
    ],
    [() => new MaxPool2d(0), whole("kernelSize", "0")],
    [() => new MaxPool2d(2, { stride: 0 }), whole("stride", "0")],
    [() => new AvgPool2d(2, { stride: 1.5 }), whole("stride", "1.5")],
    [() => new MaxPool2d(3, { padding: 2 }), "padding is 2, expected a whole number from 0 to 1"],
    [() => new AvgPool2d(3, { padding: NaN }), "padding is NaN, expected a whole number from 0 to 1"],
    [() => new Dropout(2), "p is 2, expected a finite number from 0 to 1"],
    [() => new Dropout(NaN), "p is NaN, expected"],
    [() => createModel({ arch: "resnet20", numClasses: 0 }), whole("numClasses", "0")],
  ];
  for (const [make, message] of cases) assertThrows(make, ArgumentError, message);
});

Deno.test("replaceConv2d() makes od_resnet18 of resnet18", () => {
  const { network } = createModel({ arch: "resnet18" });
  replaceConv2d(network, { kernelNum: 4, where: (path) => path !== "conv1" && !path.includes("downsample") });
  const names = (module: typeof network) => [...module.namedTensors()].map(([name, { shape }]) => [name, shape]);
  assertEquals(names(network), names(createModel({ arch: "od_resnet18", kernelNum: 4 }).network));
});

Deno.test("replaceConv2d() replaces every Conv2d where no predicate says otherwise, and a lone one", () => {
  const options = { stride: 2, padding: 1, groups: 2, bias: false };
  const tree = replaceConv2d(new Sequential(new Conv2d(4, 6, 3, options), new Sequential(new Conv2d(6, 2, 1))));
  assertEquals([...tree.namedModules()].filter(([, m]) => m instanceof ODConv2d).map(([path]) => path), ["0", "1.0"]);
  const { stride, padding, groups, bias } = tree.children.get("0") as ODConv2d;
  assertEquals({ stride, padding, groups, bias }, { stride: [2, 2], padding: [1, 1], groups: 2, bias: false });
  assert(replaceConv2d(new Conv2d(4, 4, 3), { kernelNum: 2 }) instanceof ODConv2d);
});

Deno.test("a fresh model's weights depend on the seed and the name alone", async () => {
  const weights = async (seed: number) => {
    const graph = traceModule(new Conv2d(4, 6, 3), [1, 4, 8, 8], { seed });
    const { source } = graph.parameters.get("weight")!;
    if (source.kind !== "parameter") throw new Error("no parameter");
    return await source.load();
  };
  assertEquals(await weights(1), await weights(1));
  assert((await weights(1))[0] !== (await weights(2))[0]);
  const w = await weights(3);
  const std = Math.sqrt(w.reduce((sum, v) => sum + v * v, 0) / w.length);
  assert(Math.abs(std - Math.sqrt(2 / (6 * 9))) < 0.03, `standard deviation ${std}`);
});
