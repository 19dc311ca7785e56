/** Tests networks that are not in the registry: they are made, changed, saved, loaded and trained. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createModel, loadModel, replaceConv2d, saveModel, sgd, Trainer, writeSafetensors } from "../../mod.ts";
import { ArgumentError, CheckpointError, ShapeError } from "../../src/errors.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { ReLU } from "../../src/nn/activations.ts";
import { Flatten } from "../../src/nn/stateless.ts";
import { setDropout } from "../../src/training/dropout.ts";
import { interpreterDevice } from "../support/interpreter_device.ts";
import { randomStateDict } from "../support/random_weights.ts";
import { smallBatch, smallNetwork, weightsOf } from "../training/small_model.ts";

async function inFile(test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("config says what a network has become after its layers were replaced", () => {
  const model = createModel({ arch: "resnet20", numClasses: 7 });
  setDropout(model.network, 0.3);
  assertEquals(model.config.arch, "resnet20", "dropout changes nothing");
  replaceConv2d(model.network, { kernelNum: 3, reduction: 0.25, where: (path) => path !== "conv1" });
  assertEquals(model.config, { arch: "od_resnet20", kernelNum: 3, reduction: 0.25, numClasses: 7 });
  replaceConv2d(model.network, { kernelNum: 3 });
  assertEquals(model.config, { arch: "custom", kernelNum: 1, reduction: 0.0625, numClasses: 7 });
});

Deno.test("another activation makes another network", () => {
  const model = createModel({ arch: "mobilenetv2_050", numClasses: 3 });
  const [stem] = model.network.children.get("features")!.children.values();
  stem.children.set("2", new ReLU());
  assertEquals(model.config.arch, "custom");
});

Deno.test("a network of no registered architecture is saved, and loaded by who builds it", () =>
  inFile(async (path) => {
    const build = () => smallNetwork();
    const model = createModel(build(), { imageSize: 6, classNames: ["a", "b", "c", "d", "e"], resize: 7 });
    model.loadStateDict(randomStateDict(model.stateDictSpec()));
    model.temperature = 3;
    await saveModel(path, model);
    await assertRejects(() => loadModel(path), CheckpointError, "loadModel(file, { build: () => network })");
    const other = () => new Sequential(new Flatten(), new Linear(108, 5));
    await assertRejects(() => loadModel(path, { build: other }), CheckpointError, "do not fit the model");
    using loaded = await loadModel(path, { build });
    assertEquals(loaded.config, model.config);
    assertEquals(loaded.inference, model.inference);
    assertEquals(await weightsOf(loaded), await weightsOf(model));
  }));

Deno.test("a model whose layers were replaced is saved as what it has become", () =>
  inFile(async (path) => {
    const model = createModel({ arch: "resnet20" });
    replaceConv2d(model.network, { kernelNum: 2, where: (place) => place !== "conv1" });
    await saveModel(path, model);
    using loaded = await loadModel(path);
    assertEquals([loaded.config.arch, loaded.config.kernelNum], ["od_resnet20", 2]);
  }));

Deno.test("loadModel() with another number of classes begins the classifier anew", () =>
  inFile(async (path) => {
    const source = createModel({ arch: "resnet20" }, { imageSize: 48 });
    source.loadStateDict(randomStateDict(source.stateDictSpec()));
    await saveModel(path, source);
    const notes: string[] = [];
    using model = await loadModel(path, { numClasses: 4 }, { onFound: (found) => notes.push(...found.notes) });
    assertEquals([model.config.numClasses, model.imageSize], [4, 48]);
    assertEquals(notes, ["the classifier begins anew: 4 classes were asked for, the file has 10"]);
    const [before, after] = [await weightsOf(source), await weightsOf(model)];
    const changed = Object.keys(before).filter((name) => before[name].join() !== after[name].join());
    assertEquals(changed, ["fc.weight", "fc.bias"]);
  }));

Deno.test("weights that do not say their images' size need it", () =>
  inFile(async (path) => {
    await writeSafetensors(path, smallNetwork().stateDict());
    const build = () => smallNetwork();
    await assertRejects(() => loadModel(path, { build }), ArgumentError, "does not say the size of its images");
    using model = await loadModel(path, { build, imageSize: 12 });
    assertEquals([model.imageSize, model.config.numClasses], [12, 5]);
  }));

Deno.test("createModel() refuses a network that returns no logits", () => {
  assertThrows(() => createModel(new Sequential(new ReLU()), { imageSize: 4 }), ShapeError, "expected logits");
});

Deno.test("Trainer takes any module, of any input", async () => {
  const network = new Sequential(new Flatten(), new Linear(8, 2));
  const options = { batch: 2, optimizer: sgd() };
  const device = interpreterDevice();
  await assertRejects(() => Trainer.create(network, device, options), ArgumentError, "give inputShape");
  using trainer = await Trainer.create(network, device, { ...options, inputShape: [2, 2, 2] });
  const { loss } = await trainer.step({ x: new Float32Array(16), labels: Float32Array.of(0, 0) }, { learningRate: 1 });
  assert(Math.abs(loss - Math.log(2)) < 1e-6, String(loss));
  await trainer.sync();
  const { "1.bias": bias } = await weightsOf(network);
  assertEquals([...bias], [0.5, -0.5]);
});

Deno.test("Trainer makes the same steps of a module as of its model", async () => {
  const device = interpreterDevice();
  const losses = [];
  for (const what of [smallNetwork(), createModel(smallNetwork(), { imageSize: 6 })]) {
    using trainer = await Trainer.create(what, device, { batch: 2, optimizer: sgd(), inputShape: [3, 6, 6] });
    losses.push((await trainer.step(smallBatch("x", 2), { learningRate: 0.1 })).loss);
  }
  assertEquals(losses[0], losses[1]);
});
