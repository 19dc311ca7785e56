import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, CheckpointError, ShapeError } from "../../src/errors.ts";
import { toFloat32 } from "../../src/checkpoint/tensors/float32.ts";
import { openDevice } from "../../src/devices.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { CIFAR10, normalize, preprocess } from "../../src/data/pixels/preprocessing.ts";
import { loadModel } from "../../src/models/load.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import { uniform } from "../support/random_weights.ts";

const WEIGHTS = new URL("../../weights/od_resnet20_cifar10.safetensors", import.meta.url);
const CONFIG = { arch: "od_resnet20", kernelNum: 2, reduction: 0.0625, numClasses: 10 };

/** Calls `use` with the path of a converted od_resnet20 with initial weights. */
async function withConverted(metadata: Record<string, string>, use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    await writeSafetensors(path, createModel(CONFIG).stateDict(), metadata);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("loadModel() reads a path, bytes and a Blob alike", async () => {
  const bytes = await Deno.readFile(WEIGHTS);
  const cpu = await openDevice("cpu");
  try {
    const x = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i));
    const logits = [];
    for (const source of [WEIGHTS.pathname, bytes, new Blob([bytes])]) {
      const model = await loadModel(source);
      assertEquals(model.config, { ...CONFIG, kernelNum: 4 });
      const network = await model.compile(cpu);
      model.close();
      logits.push(await network.run(x));
    }
    assertEquals(logits[1], logits[0]);
    assertEquals(logits[2], logits[0]);
  } finally {
    cpu.dispose();
  }
});

Deno.test("loadModel() works the configuration out where the file does not say it", async () => {
  await withConverted({}, async (path) => {
    const model = await loadModel(path);
    assertEquals(model.config, CONFIG);
    model.close();
  });
});

Deno.test("loadModel() refuses metadata that is nonsense or does not fit the tensors", async () => {
  const metadata = encodeMetadata(CONFIG, { source: "none", sha256: "" });
  await withConverted({ ...metadata, kernel_num: "many" }, async (path) => {
    await assertRejects(() => loadModel(path), CheckpointError, 'kernel_num is "many"');
  });
  const nonsense = { kernel_num: ["2.5", "1e9", "Infinity"], num_classes: ["0", "7.5", "1e12"], reduction: ["0", "x"] };
  for (const [key, values] of Object.entries(nonsense)) {
    for (const value of values) {
      await withConverted({ ...metadata, [key]: value }, async (path) => {
        await assertRejects(() => loadModel(path), CheckpointError, `metadata ${key} is "${value}", expected`);
      });
    }
  }
  await withConverted({ ...metadata, kernel_num: "3" }, async (path) => {
    const { message } = await assertRejects(() => loadModel(path), CheckpointError);
    assert(message.includes("layer1.0.conv1.weight") && message.includes("[3, 16, 16, 3, 3]"), message);
  });
  await withConverted({ ...metadata, architecture: "od_resnet19" }, async (path) => {
    await assertRejects(() => loadModel(path), CheckpointError, 'no architecture is called "od_resnet19"');
  });
});

Deno.test("loadModel() ignores what another program says of a file in its metadata", async () => {
  for (const architecture of ["weird", "resnet18", "od_resnet20"]) {
    const others = { architecture, kernel_num: "many", num_classes: "-", converter: "torchsave 2", reduction: "[1]" };
    for (const metadata of [{ format: "pt", architecture }, others]) {
      await withConverted(metadata, async (path) => {
        const model = await loadModel(path);
        assertEquals(model.config, createModel(CONFIG).config);
        model.close();
      });
    }
  }
});

Deno.test("stateDict() gives back what loadStateDict() took", async () => {
  const model = await loadModel(WEIGHTS.pathname);
  const copy = createModel(model.config);
  copy.loadStateDict(model.stateDict());
  const again = copy.stateDict();
  for (const [name, tensor] of model.stateDict()) {
    assertEquals(await again.get(name)!.read(), await tensor.read(), name);
  }
  model.close();
});

Deno.test("a model loads its own state dict, with an entry changed as PyTorch's users do", async () => {
  const model = createModel(CONFIG);
  const before = model.stateDict();
  const bias = Float32Array.from({ length: 10 }, (_, i) => i);
  const changed = new Map(before);
  const tensor = { dtype: "F32", shape: [10], read: () => Promise.resolve(new Uint8Array(bias.buffer)) } as const;
  changed.set("fc.bias", tensor);
  model.loadStateDict(changed);
  model.loadStateDict(model.stateDict());
  assertEquals(await toFloat32(model.stateDict().get("fc.bias")!), bias);
  for (const [name, other] of before) {
    if (name !== "fc.bias") assertEquals(await model.stateDict().get(name)!.read(), await other.read(), name);
  }
  assertEquals(await toFloat32(before.get("fc.bias")!), new Float32Array(10), "what was taken before is as it was");
});

Deno.test("two models may load each other's state dicts", async () => {
  const [a, b] = [createModel(CONFIG), await loadModel(WEIGHTS.pathname)];
  const c = createModel(b.config);
  c.loadStateDict(b.stateDict());
  b.loadStateDict(c.stateDict());
  c.loadStateDict(b.stateDict());
  assertEquals((await c.stateDict().get("conv1.weight")!.read()).length, 16 * 3 * 9 * 4);
  assertThrows(() => a.loadStateDict(b.stateDict()), CheckpointError, "of another shape");
  b.close();
});

Deno.test("loadStateDict() refuses what load_state_dict does, and leaves the model as it was", async () => {
  const model = createModel(CONFIG);
  const before = await model.stateDict().get("conv1.weight")!.read();
  const state = createModel({ arch: "resnet20" }).stateDict();
  assertThrows(() => model.loadStateDict(state), CheckpointError, "missing");
  const more = new Map([...model.stateDict(), ["extra.weight", model.stateDict().get("fc.bias")!]]);
  assertThrows(() => model.loadStateDict(more), CheckpointError, "extra.weight [10]");
  assertEquals(await model.stateDict().get("conv1.weight")!.read(), before);
});

Deno.test("run() takes fewer images than the batch if it is told their shape", async () => {
  const model = createModel(CONFIG);
  const cpu = await openDevice("cpu");
  try {
    const network = await model.compile(cpu, { batch: 3 });
    const images = Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.cos(i));
    const two = await network.run(images, [2, 3, 32, 32]);
    assertEquals(two.length, 20);
    const one = await network.run(images.slice(3 * 32 * 32), [3, 32, 32]);
    assert(one.every((v, i) => Math.abs(v - two[10 + i]) < 1e-6));
    await assertRejects(() => network.run(images), ShapeError, "run(numbers, [B, 3, 32, 32])");
    const wrong = () => network.run(images.slice(1), [2, 3, 32, 32]);
    await assertRejects(wrong, ShapeError, "the images have 6143 numbers, expected 6144 ([2, 3, 32, 32])");
    model.temperature = NaN;
    await assertRejects(() => network.run(images, [2, 3, 32, 32]), ArgumentError, "temperature is NaN");
  } finally {
    cpu.dispose();
  }
});

Deno.test("temperature applies to the next run without compiling again", async () => {
  const model = await loadModel(WEIGHTS.pathname);
  const cpu = await openDevice("cpu");
  try {
    const network = await model.compile(cpu);
    const x = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i));
    const before = await network.run(x);
    model.temperature = 30;
    const hot = await network.run(x);
    model.temperature = 1;
    assert(before.some((v, i) => Math.abs(v - hot[i]) > 1e-3));
    assertEquals(await network.run(x), before);
  } finally {
    model.close();
    cpu.dispose();
  }
});

Deno.test("a model's preprocessing leaves images of its own size as they are", () => {
  const model = createModel(CONFIG);
  const image = { width: 32, height: 32, data: Uint8Array.from(uniform("image", [3072], 127, 128)) };
  assertEquals(preprocess(image, model.preprocessing), normalize(image, CIFAR10));
  const wide = { width: 40, height: 64, data: Uint8Array.from(uniform("wide", [40 * 64 * 3], 127, 128)) };
  assertEquals(preprocess(wide, model.preprocessing).length, 3072);
});
