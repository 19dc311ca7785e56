/** Tests what adapters refuse: devices, limits, features, memory, and invalid kernels. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openDevice } from "../../src/devices.ts";
import { DeviceError } from "../../src/errors.ts";
import type { Tensors } from "../../src/graph/backend.ts";
import { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { createModel, type Model } from "../../src/models/model/model.ts";
import { adamW } from "../../src/training/optimizer.ts";
import { Trainer, trainerGraph } from "../../src/training/trainer.ts";
import { openWebGpu, type WebGpuBackend, type WebGpuOptions } from "../../src/webgpu/device.ts";
import { UNIFORM_STRIDE } from "../../src/webgpu/plan/layout.ts";
import { ANY_DEVICE } from "../../src/webgpu/planner/planned_memory.ts";
import { planGraph } from "../../src/webgpu/planner/planner.ts";
import { randomStateDict } from "../support/random_weights.ts";
import { SIZE, smallBatch, smallModel as smallTraining } from "../training/small_model.ts";
import { type Faults, FaultyGpu, needsOf, withPlatform } from "./faulty_gpu.ts";
import { random } from "../support/random_graph.ts";

function smallModel(arch = "od_resnet20", kernelNum = 2): Model {
  const model = createModel({ arch, kernelNum });
  model.loadStateDict(randomStateDict(model.stateDictSpec()));
  return model;
}

/** Opens a device with faults, runs `use`, and frees the device. */
async function withFaults(
  faults: Faults,
  use: (backend: WebGpuBackend, faulty: FaultyGpu) => Promise<void>,
  options: WebGpuOptions = {},
): Promise<void> {
  const faulty = new FaultyGpu(faults);
  const backend = (await openWebGpu({ ...options, gpu: faulty.gpu }))!;
  try {
    await use(backend, faulty);
  } finally {
    backend.dispose();
  }
}

const x = random([8, 3, 32, 32], 1);

for (
  const [what, gpu] of Object.entries({
    "no WebGPU": undefined,
    "no adapter": { requestAdapter: () => Promise.resolve(null) },
  })
) {
  Deno.test(`openDevice() names the remedy, or takes the CPU and says so, when there is ${what}`, async () => {
    await withPlatform(gpu, async () => {
      await assertRejects(() => openDevice("webgpu"), DeviceError, "install a Vulkan driver");
      const notices: string[] = [];
      const device = await openDevice("auto", { notice: (line) => notices.push(line) });
      assertEquals(device.name, "cpu");
      assertEquals(notices, ["no WebGPU adapter was found: running on the CPU"]);
      device.dispose();
    });
  });
}

Deno.test("openDevice() says why, or takes the CPU and says why, when the adapter gives no device", async () => {
  await withPlatform(new FaultyGpu({ devices: 0 }).gpu, async () => {
    await assertRejects(() => openDevice("webgpu"), DeviceError, "gave no device: no more devices");
    const notices: string[] = [];
    const device = await openDevice("auto", { notice: (line) => notices.push(line) });
    assertEquals(device.name, "cpu");
    assertStringIncludes(notices[0], "gave no device: no more devices: running on the CPU");
    device.dispose();
  });
});

Deno.test("openWebGpu() throws DeviceError when the search for an adapter fails", async () => {
  const requestAdapter = () => Promise.reject(new TypeError("no display"));
  await assertRejects(
    () => openWebGpu({ gpu: { requestAdapter } as unknown as GPU }),
    DeviceError,
    "the search for a WebGPU adapter failed: no display",
  );
});

Deno.test("compile() and run() need no optional feature", async () => {
  await withFaults({ features: [] }, async (backend) => {
    assertEquals([...backend.device.features].includes("timestamp-query"), false);
    const graph = new Graph();
    graph.output("y", graph.apply(OPERATORS.relu, "relu", { x: graph.input("x", [1, 3]) }, {}));
    const executable = await backend.compile(graph);
    const inputs = { x: Float32Array.of(-1, 2, 3) };
    assertEquals((await executable.run(inputs)).y, Float32Array.of(0, 2, 3));
    assertEquals((await executable.profile(inputs)).length, executable.plan.steps.length);
  });
});

/** Limits far below what WebGPU promises, one after the other, and what comes of them. */
const POOR: Readonly<Record<string, readonly [limit: number, outcome: "the same" | "refused"]>> = {
  maxStorageBuffersPerShaderStage: [2, "refused"],
  maxStorageTexturesPerShaderStage: [0, "the same"],
  maxComputeInvocationsPerWorkgroup: [16, "refused"],
  maxComputeWorkgroupSizeX: [16, "refused"],
  maxComputeWorkgroupStorageSize: [256, "the same"],
  maxComputeWorkgroupsPerDimension: [64, "the same"],
  maxTextureDimension2D: [1024, "the same"],
  maxStorageBufferBindingSize: [2 ** 18, "the same"],
};

/** Logits of two images. */
async function twoImages(backend: WebGpuBackend): Promise<Float32Array> {
  const compiled = await smallModel().compile(backend, { batch: 2 });
  return await compiled.run(x.slice(0, 2 * 3 * 32 * 32));
}

function assertClose(actual: Float32Array, expected: Float32Array, share: number): void {
  const worst = Math.max(...expected.map((v, i) => Math.abs(v - actual[i])));
  assert(worst <= share * Math.max(...expected.map(Math.abs)), `differs by ${worst}`);
}

for (const [limit, [value, outcome]] of Object.entries(POOR)) {
  const what = outcome === "refused" ? "throws DeviceError, naming the layer," : "and run() answer the same";
  Deno.test(`compile() ${what} when ${limit} is ${value}`, async () => {
    await withFaults({ limits: { [limit]: value } }, async (backend) => {
      if (outcome === "refused") {
        const error = await assertRejects(() => twoImages(backend), DeviceError, `exceed ${limit}, which is ${value}`);
        assert(/^(x|conv1|layer\d[\w.]*|fc|logits) \(\w+\): /.test(error.message), error.message);
        return;
      }
      const actual = await twoImages(backend);
      await withFaults({}, async (usual) => assertClose(actual, await twoImages(usual), 1e-4));
    });
  });
}

/** The least that WebGPU lets an adapter have, where this machine's has more. */
const DEFAULTS: Readonly<Record<string, number>> = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageTexturesPerShaderStage: 4,
  maxTextureDimension2D: 8192,
  maxComputeWorkgroupsPerDimension: 65535,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
};

for (const profile of ["software", "hardware"] as const) {
  Deno.test(`a training step needs no more than WebGPU promises, of kernels for ${profile}`, async () => {
    await withFaults({ limits: DEFAULTS, features: [] }, async (backend) => {
      const options = { batch: 2, inputShape: [3, SIZE, SIZE], clipNorm: 1, averageDecay: 0.9, parts: true };
      const trainer = await Trainer.create(smallTraining(), backend, { ...options, optimizer: adamW() });
      const { loss, failed } = await trainer.step(smallBatch("limits", 2), { learningRate: 0.01 });
      assert(!failed && loss > 0, `${loss}`);
    }, { profile });
  });
}

Deno.test("no kernel of any network, in inference or training, binds more than WebGPU promises", () => {
  const checked = new Set<string>();
  for (const arch of ["resnet20", "od_resnet20", "od_resnet50", "od_mobilenetv2_100"]) {
    const model = createModel({ arch, kernelNum: 4 });
    const options = {
      batch: 2,
      inputShape: [3, 32, 32],
      optimizer: adamW(),
      clipNorm: 1,
      averageDecay: 0.9,
      parts: true,
    };
    for (const graph of [model.graph({ batch: 2 }), trainerGraph(model, options)]) {
      for (const profile of ["software", "hardware"] as const) {
        for (const operands of ["texture", "buffer"] as const) {
          const { steps } = planGraph(graph, { ...ANY_DEVICE, profile, operands, maxTextureTexels: 2 ** 23 });
          for (const step of steps) {
            if (step.kind !== "dispatch") continue;
            checked.add(step.dispatch.shader.source);
            assert(step.dispatch.uniforms.byteLength <= UNIFORM_STRIDE, step.dispatch.shader.label);
          }
        }
      }
    }
  }
  assert(checked.size > 200, `${checked.size}`);
  for (const source of checked) {
    const needs = needsOf(source);
    for (const [limit, needed] of Object.entries(needs)) assert(needed <= DEFAULTS[limit], `${limit}: ${source}`);
  }
});

Deno.test("compile() halves the batch, says so once and answers the same when memory runs out", async () => {
  let expected: Float32Array | undefined;
  // Between what a batch of 4 takes and what one of 8 takes.
  let memory = 0;
  await withFaults({}, async (backend, faulty) => {
    (await smallModel().compile(backend, { batch: 4 })).dispose();
    memory += faulty.liveBytes / 2;
  });
  await withFaults({}, async (backend, faulty) => {
    expected = await (await smallModel().compile(backend, { batch: 8 })).run(x);
    memory += faulty.liveBytes / 2;
  });
  await withFaults({ memory }, async (backend, faulty) => {
    const told: string[] = [];
    const onSplit = (images: number, { message }: Error) => told.push(`${images}: ${message}`);
    const compiled = await smallModel().compile(backend, { batch: 8, onSplit });
    assertEquals(told.length, 1);
    assert(/^4: allocating memory: out of memory: not enough memory left/.test(told[0]), told[0]);
    assert(faulty.liveBytes <= memory);
    assertEquals(await compiled.run(x), expected);
    const five = 5 * 3 * 32 * 32;
    assertEquals(await compiled.run(x.slice(0, five), [5, 3, 32, 32]), expected!.slice(0, 50));
  });
});

Deno.test("compile() throws DeviceError and frees what it took when not even one image fits", async () => {
  await withFaults({ memory: 2 ** 20 }, async (backend, faulty) => {
    const error = await assertRejects(() => smallModel().compile(backend, { batch: 8 }), DeviceError, "out of memory");
    assertEquals(error.reason, "too large");
    assertEquals(faulty.live.size, 0);
  });
});

Deno.test("compile() splits a batch that exceeds a binding, and answers the same", async () => {
  for (const [arch, kernelNum] of [["resnet20", 1], ["od_resnet20", 1], ["od_resnet20", 4]] as const) {
    let expected: Float32Array | undefined;
    await withFaults({}, async (backend) => {
      expected = await (await smallModel(arch, kernelNum).compile(backend, { batch: 8 })).run(x);
    });
    const told: number[] = [];
    // A batch of 4 makes tensors of 256 KiB.
    await withFaults({}, async (backend) => {
      const onSplit = (images: number) => told.push(images);
      const compiled = await smallModel(arch, kernelNum).compile(backend, { batch: 8, onSplit });
      const actual = await compiled.run(x);
      const worst = Math.max(...expected!.map((v, i) => Math.abs(v - actual[i])));
      assert(worst <= 1e-5 * Math.max(...expected!.map(Math.abs)), `${arch}: differs by ${worst}`);
      assertEquals(told, [4]);
    }, { maxBindingBytes: 2 ** 18 });
  }
});

Deno.test("run() names the layer and its kernel when the device refuses a step, and never answers zeros", async () => {
  // The device is said to take larger grids than it does.
  const graph = new Graph();
  graph.output("y", graph.apply(OPERATORS.relu, "layer7.relu", { x: graph.input("x", [1, 4, 4096, 1056]) }, {}));
  await withFaults({ limits: { maxComputeWorkgroupsPerDimension: 2 ** 30 } }, async (backend) => {
    const executable = await backend.compile(graph);
    const images = new Float32Array(4 * 4096 * 1056).fill(1);
    const error = await assertRejects(() => executable.run({ x: images }), DeviceError);
    assert(/^(layer7.relu|x|y) \(\w+\): .*dispatch/is.test(error.message), error.message);
  });
});

Deno.test("two models share a device, and dispose() of one leaves the other as it is", async () => {
  await withFaults({}, async (backend, faulty) => {
    const models = [smallModel("resnet20"), smallModel("od_resnet20", 1)];
    const image = x.slice(0, 3 * 32 * 32);
    const run = async (model: Model) => {
      const compiled = await model.compile(backend);
      const logits = await compiled.run(image);
      return { compiled, logits, dispose: () => compiled.dispose() };
    };
    const first = await Promise.all(models.map(run));
    const most = faulty.live.size;
    assert(most > 0);
    // One is let go, the other goes on.
    first[0].dispose();
    assertEquals(await first[1].compiled.run(image), first[1].logits);
    first[1].dispose();
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(faulty.live.size, 0);
  });
});

Deno.test("compile() and dispose() leave nothing on the device after thousands of cycles", async () => {
  await withFaults({}, async (backend, faulty) => {
    const cycle = async (graph: Graph, inputs: Tensors) => {
      const executable = await backend.compile(graph);
      await executable.run(inputs);
      executable.dispose();
      await executable.idle();
      await new Promise((resolve) => setTimeout(resolve));
    };
    const data = random([6, 6], 1);
    const graph = new Graph();
    const weight = graph.parameter("w", [6, 6], () => Promise.resolve(data));
    const linear = { x: graph.input("x", [1, 6]), weight };
    graph.output("y", graph.apply(OPERATORS.linear, "fc", linear, { activation: "none" }));
    for (let i = 0; i < 3000; i += 50) {
      await Promise.all(Array.from({ length: 50 }, () => cycle(graph, { x: data.slice(0, 6) })));
      assertEquals(faulty.live.size, 0, `after ${i + 50} cycles`);
    }
    assert(faulty.made >= 3000 * 4, `${faulty.made} buffers and textures`);
    const model = smallModel();
    for (let i = 0; i < 20; i++) await cycle(model.graph(), { x: x.slice(0, 3 * 32 * 32) });
    assertEquals([faulty.live.size, faulty.liveBytes], [0, 0]);
  });
});
