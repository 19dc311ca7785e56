/** Tests that every public function checks its arguments, and that all messages have the same form. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ArgumentError,
  CIFAR10,
  classNames,
  createModel,
  crop,
  isOdconvError,
  normalize,
  openCheckpoint,
  openDevice,
  optimizeForInference,
  preprocess,
  softmax,
  topK,
} from "../mod.ts";
import { Graph } from "../src/graph/graph.ts";
import { ShapeError } from "../src/errors.ts";

const MODEL = createModel({ arch: "resnet20" });

/** What a test asks for that TypeScript would refuse. */
// deno-lint-ignore no-explicit-any
const any = (value: unknown): any => value;

const WHOLE = "expected a whole number from 1 up";

Deno.test("compile() refuses batches and image sizes that are no whole numbers, and does not hang", async () => {
  const cpu = await openDevice("cpu");
  try {
    for (const value of [NaN, Infinity, 0, -1, 2.5]) {
      await assertRejects(() => MODEL.compile(cpu, { batch: value }), ArgumentError, `batch is ${value}, ${WHOLE}`);
      const sized = MODEL.compile(cpu, { imageSize: value });
      await assertRejects(() => sized, ArgumentError, `imageSize is ${value}, ${WHOLE}`);
      assertThrows(() => MODEL.graph({ batch: value }), ArgumentError, `batch is ${value}, ${WHOLE}`);
    }
  } finally {
    cpu.dispose();
  }
});

Deno.test("openDevice() refuses names and options it does not know", async () => {
  const cases: [name: unknown, options: unknown, message: string][] = [
    ["gpu", {}, 'the device is "gpu", expected "auto", "webgpu" or "cpu"'],
    [null, {}, 'the device is null, expected "auto"'],
    ["cpu", { workers: 0 }, `workers is 0, ${WHOLE}`],
    ["cpu", { workers: NaN }, `workers is NaN, ${WHOLE}`],
    ["auto", { work: "train" }, 'work is "train", expected "inference" or "training"'],
    ["webgpu", { precision: "f16" }, 'precision is "f16", expected "float32" or "float16"'],
  ];
  for (const [name, options, message] of cases) {
    await assertRejects(() => openDevice(any(name), any(options)), ArgumentError, message);
  }
});

Deno.test("topK() takes logits or probabilities, and refuses no place at all", () => {
  const logits = Float32Array.of(0, 3, 1);
  assertEquals(topK(softmax(logits), 2).map((score) => score.class), [1, 2]);
  assertEquals(topK(logits, 5).length, 3);
  for (const k of [0, -1, 1.5, NaN]) assertThrows(() => topK(logits, k), ArgumentError, `k is ${k}, ${WHOLE}`);
});

Deno.test("createModel() refuses configurations of no model", () => {
  const cases: [config: Record<string, unknown>, message: string][] = [
    [{ kernelNum: 0 }, `kernelNum is 0, ${WHOLE}`],
    [{ kernelNum: 2.5 }, `kernelNum is 2.5, ${WHOLE}`],
    [{ reduction: -1 }, "reduction is -1, expected a finite number above 0"],
    [{ numClasses: Infinity }, `numClasses is Infinity, ${WHOLE}`],
  ];
  for (const [config, message] of cases) {
    for (const arch of ["resnet20", "od_resnet20"]) {
      assertThrows(() => createModel({ arch, ...config }), ArgumentError, message);
    }
  }
});

Deno.test("crop(), normalize() and preprocess() refuse what is no preprocessing and no image", () => {
  const image = { width: 4, height: 4, data: new Uint8Array(48) };
  const cases: [changes: Record<string, unknown>, message: string][] = [
    [{ resize: 0 }, `resize is 0, ${WHOLE}`],
    [{ resize: NaN }, `resize is NaN, ${WHOLE}`],
    [{ crop: 2.5 }, `crop is 2.5, ${WHOLE}`],
    [{ interpolation: "nearest" }, 'interpolation is "nearest", expected "bilinear" or "bicubic"'],
    [{ mean: [123.675, 116.28, 103.53] }, "mean is [123.675, 116.28, 103.53], expected a finite number from 0 to 1"],
    [{ std: [0, 1, 1] }, "std is [0, 1, 1], expected a finite number above 0"],
  ];
  for (const [changes, message] of cases) {
    assertThrows(() => preprocess(image, any({ ...CIFAR10, ...changes })), ArgumentError, message);
  }
  for (const work of [crop, normalize]) {
    assertThrows(() => work({ ...image, width: 5 }, CIFAR10), ShapeError, "an image of 5x4 has 48 bytes, expected 60");
    assertThrows(() => work({ ...image, height: NaN }, CIFAR10), ArgumentError, "the image's height is NaN");
  }
});

Deno.test("classNames() refuses data sets it does not know", async () => {
  await assertRejects(() => classNames(any("cifar100")), ArgumentError, 'the data set is "cifar100", expected');
});

Deno.test("openCheckpoint() refuses waits and retries that never end", async () => {
  const open = (hub: Record<string, number>) =>
    openCheckpoint("hf:owner/name/model.safetensors", { hub: { endpoint: "http://127.0.0.1:9", token: "", ...hub } });
  for (const retries of [NaN, -1, Infinity]) {
    await assertRejects(() => open({ retries }), ArgumentError, `retries is ${retries}`);
  }
  await assertRejects(() => open({ retryDelay: NaN }), ArgumentError, "retryDelay is NaN");
});

Deno.test("a graph refuses inputs without extent", () => {
  for (const shape of [[1, NaN], [0, 3], [1.5], [-1]]) {
    assertThrows(() => new Graph().input("x", shape), ShapeError, `x is [${shape.join(", ")}], expected whole numbers`);
  }
  assertEquals(optimizeForInference(MODEL.trace({ batch: 2 })).inputs.get("x")!.shape, [2, 3, 32, 32]);
});

Deno.test("a wrong argument is an error of this project", () => {
  assertEquals(isOdconvError(new ArgumentError("k is 0")), true);
  assertEquals(isOdconvError(new RangeError("k is 0")), false);
});
