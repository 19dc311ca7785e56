/** Tests a GPU that the program provides, without global WebGPU objects, as from a package in another runtime. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ArgumentError, DeviceError, type GpuSource, openDevice } from "../../mod.ts";
import { sgd } from "../../src/training/optimizer.ts";
import { Trainer } from "../../src/training/trainer.ts";
import { openWebGpu, type WebGpuOptions } from "../../src/webgpu/device.ts";
import { random } from "../support/random_graph.ts";
import { SIZE, smallBatch, smallModel, weightsOf } from "../training/small_model.ts";
import { withPlatform } from "./faulty_gpu.ts";

/** Takes away every global of WebGPU, `navigator.gpu` among them, while `use` runs. */
async function withoutGlobals(use: () => Promise<void>): Promise<void> {
  const names = Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith("GPU"));
  assert(names.includes("GPUBuffer") && names.includes("GPUBufferUsage") && names.includes("GPUMapMode"));
  const taken = Object.getOwnPropertyDescriptors(globalThis) as Record<string, PropertyDescriptor>;
  names.forEach((name) => assert(Reflect.deleteProperty(globalThis, name), name));
  try {
    await withPlatform(undefined, use);
  } finally {
    names.forEach((name) => Object.defineProperty(globalThis, name, taken[name]));
  }
}

/** Logits, times of the steps, and weights after a step of training. */
async function results(options: WebGpuOptions) {
  const backend = (await openWebGpu(options))!;
  try {
    const images = random([2, 3, SIZE, SIZE], 1);
    const compiled = await smallModel().compile(backend, { batch: 2, imageSize: SIZE });
    const logits = await compiled.run(images);
    const executable = await backend.compile(smallModel().graph({ batch: 2, imageSize: SIZE }));
    const steps = await executable.profile({ x: images });
    const model = smallModel();
    const trainer = await Trainer.create(model, backend, { batch: 2, inputShape: [3, SIZE, SIZE], optimizer: sgd() });
    const { loss } = await trainer.step(smallBatch("injected", 2), { learningRate: 0.1 });
    await trainer.sync();
    return { logits, steps: steps.length, loss, weights: await weightsOf(model) };
  } finally {
    backend.dispose();
  }
}

for (const profile of ["software", "hardware"] as const) {
  Deno.test(`a GPU that is given runs and trains, of kernels for ${profile}, when there are no globals of WebGPU`, async () => {
    const { gpu } = navigator;
    const expected = await results({ profile });
    await withoutGlobals(async () => {
      assertEquals(typeof GPUBuffer, "undefined");
      assertEquals(await openWebGpu({ profile }), null);
      assertEquals(await results({ profile, gpu }), expected);
    });
    assertEquals(typeof GPUBuffer, "function");
  });
}

Deno.test("openDevice() takes the GPU that it is given, and refuses what is none", async () => {
  const { gpu } = navigator;
  for (const name of ["webgpu", "auto"] as const) {
    const asked: unknown[] = [];
    const requestAdapter: GpuSource["requestAdapter"] = (options) => {
      asked.push(options?.powerPreference);
      return gpu.requestAdapter(options);
    };
    await withoutGlobals(async () => (await openDevice(name, { gpu: { requestAdapter } })).dispose());
    assertEquals(asked, ["high-performance"], name);
  }
  const none = { requestAdapter: () => Promise.resolve(null) };
  await assertRejects(() => openDevice("webgpu", { gpu: none }), DeviceError, "no WebGPU adapter was found");
  const wrong = { gpu: {} as unknown as GpuSource };
  await assertRejects(() => openDevice("webgpu", wrong), ArgumentError, "gpu has no requestAdapter()");
});

Deno.test("openWebGpu() asks for no limit that the adapter does not name, and takes one that has no description", async () => {
  const { gpu } = navigator;
  const adapter = (await gpu.requestAdapter())!;
  let asked: Record<string, unknown> = {};
  const backend = (await openWebGpu({
    gpu: {
      requestAdapter: () =>
        Promise.resolve({
          features: adapter.features,
          limits: { maxBufferSize: adapter.limits.maxBufferSize },
          requestDevice(descriptor: GPUDeviceDescriptor) {
            asked = descriptor.requiredLimits ?? {};
            return adapter.requestDevice(descriptor);
          },
        }),
    } as unknown as GPU,
  }))!;
  assertEquals(asked, { maxBufferSize: adapter.limits.maxBufferSize });
  assertEquals(backend.description, "an adapter without a name");
  backend.dispose();
});
