/** Tests the features of every module: it prints itself as PyTorch does, and lists its children and tensors. */

import { assertEquals, assertThrows } from "@std/assert";
import { CheckpointError } from "../../src/errors.ts";
import { GELU, Identity, LeakyReLU, ReLU, ReLU6, Sigmoid } from "../../src/nn/activations.ts";
import { BatchNorm2d } from "../../src/nn/batch_norm2d.ts";
import { Conv1d } from "../../src/nn/conv1d.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { ConvTranspose2d } from "../../src/nn/conv_transpose2d.ts";
import { Linear } from "../../src/nn/linear.ts";
import type { Module } from "../../src/nn/module.ts";
import { BatchNorm1d, GroupNorm, LayerNorm } from "../../src/nn/normalization.ts";
import { ODConv2d } from "../../src/nn/odconv2d.ts";
import { AdaptiveAvgPool2d, AdaptiveMaxPool2d, Upsample } from "../../src/nn/resize.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { AvgPool2d, Dropout, Flatten, MaxPool2d } from "../../src/nn/stateless.ts";
import printed from "../fixtures/repr.json" with { type: "json" };

const LAYERS: Readonly<Record<keyof typeof printed, Module>> = {
  conv: new Conv2d(3, 16, 3, { padding: 1, bias: false }),
  grouped: new Conv2d(4, 8, [3, 1], { stride: 2, dilation: 2, groups: 2 }),
  linear: new Linear(3, 4),
  "linear without bias": new Linear(3, 4, { bias: false }),
  "batch norm": new BatchNorm2d(5),
  "batch norm, other numbers": new BatchNorm2d(5, 1e-3, 0.01),
  relu: new ReLU(),
  relu6: new ReLU6(),
  sigmoid: new Sigmoid(),
  flatten: new Flatten(),
  dropout: new Dropout(0.2),
  "max pool": new MaxPool2d(3, { stride: 2, padding: 1 }),
  "average pool": new AvgPool2d(2, { stride: 1 }),
  "max pool of pairs": new MaxPool2d([3, 2]),
  "average pool of pairs": new AvgPool2d(3, { padding: [1, 0] }),
  identity: new Identity(),
  gelu: new GELU("tanh"),
  "leaky relu": new LeakyReLU(0.2),
  "group norm": new GroupNorm(2, 4),
  "group norm without affine": new GroupNorm(2, 4, { eps: 1e-3, affine: false }),
  "layer norm": new LayerNorm([4, 5]),
  "layer norm of one": new LayerNorm(7, { eps: 1e-6, affine: false }),
  "batch norm of rows": new BatchNorm1d(5),
  transposed: new ConvTranspose2d(3, 4, 2, { stride: 2 }),
  "transposed, all": new ConvTranspose2d(4, 4, 3, {
    stride: 2,
    padding: 1,
    outputPadding: 1,
    groups: 2,
    dilation: [1, 2],
    bias: false,
  }),
  "conv of rows": new Conv1d(3, 4, 3),
  "conv of rows, all": new Conv1d(4, 4, 3, { stride: 2, padding: 1, dilation: 2, groups: 2, bias: false }),
  upsample: new Upsample({ scaleFactor: 2 }),
  "upsample to a size": new Upsample({ size: [4, 5], mode: "bilinear" }),
  "upsample by a pair": new Upsample({ scaleFactor: [2, 1.5], mode: "bilinear" }),
  adaptive: new AdaptiveAvgPool2d(1),
  "adaptive to a pair": new AdaptiveAvgPool2d([2, null]),
  "adaptive maximum": new AdaptiveMaxPool2d(1),
  empty: new Sequential(),
  nested: new Sequential(new Sequential(new Conv2d(3, 4, 1), new ReLU()), new Linear(1, 2)),
};

Deno.test("modules print themselves as PyTorch's do, by String() and by console.log", () => {
  assertEquals(Object.fromEntries(Object.entries(LAYERS).map(([name, layer]) => [name, String(layer)])), printed);
  assertEquals(Deno.inspect(LAYERS.nested), printed.nested);
  const first = String(new ODConv2d(4, 8, 3, { kernelNum: 2, bias: false })).split("\n")[1];
  assertEquals(first, "  4, 8, kernel_size=(3, 3), stride=(1, 1), bias=False, kernel_num=2, reduction=0.0625");
});

Deno.test("a module lists modules, parameters and buffers under PyTorch's names", () => {
  const network = new Sequential(new Conv2d(3, 2, 1), new BatchNorm2d(2));
  assertEquals([...network.namedChildren()].map(([name]) => name), ["0", "1"]);
  assertEquals([...network.namedModules()].map(([path]) => path), ["", "0", "1"]);
  const buffers = ["1.running_mean", "1.running_var", "1.num_batches_tracked"];
  const parameters = ["0.weight", "0.bias", "1.weight", "1.bias"];
  assertEquals([...network.namedParameters()].map(([name]) => name), parameters);
  assertEquals([...network.namedBuffers()].map(([name]) => name), buffers);
  assertEquals([...network.stateDict().keys()], [...parameters, ...buffers]);
  assertEquals(network.countParameters(), 6 + 2 + 2 + 2);
});

Deno.test("loadStateDict() of a module takes all tensors or none", async () => {
  const [source, target] = [new Sequential(new Linear(2, 3)), new Sequential(new Linear(2, 3))];
  const tensors = source.stateDict();
  assertThrows(() => target.loadStateDict(new Map([...tensors].slice(1))), CheckpointError, "0.weight [3, 2]");
  assertEquals([...target.namedTensors()].map(([, { tensor }]) => tensor), [undefined, undefined]);
  target.loadStateDict(tensors);
  const bytes = (module: Module) => Promise.all([...module.stateDict().values()].map(({ read }) => read()));
  assertEquals(await bytes(target), await bytes(source));
});
