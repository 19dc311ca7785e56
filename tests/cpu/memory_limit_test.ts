import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openCpu, openCpuPool } from "../../src/cpu/backend.ts";
import { KERNELS } from "../../src/cpu/kernels/mod.ts";
import { DeviceError } from "../../src/errors.ts";
import { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { createModel } from "../../src/models/model/model.ts";
import { checkMemory } from "../../tools/support/training_memory.ts";
import { DEFAULT_RECIPE } from "../../src/training/options.ts";

function relu(name = "layer1.relu"): Graph {
  const graph = new Graph();
  graph.output("y", graph.apply(OPERATORS.relu, name, { x: graph.input("x", [1, 3]) }, {}));
  return graph;
}

for (const [name, open] of Object.entries({ openCpu, openCpuPool: () => openCpuPool(1) })) {
  Deno.test(`compile() halves a batch that WebAssembly cannot address, on ${name}`, async () => {
    const device = await open();
    const told: string[] = [];
    const options = { batch: 100_000, onSplit: (n: number, { message }: Error) => void told.push(`${n}: ${message}`) };
    const compiled = await createModel({ arch: "resnet20" }).compile(device, options);
    assertEquals(told.length, 1);
    assert(/^\d{4,5}: the CPU backend has 3.2 GB of memory, this takes \d+\.\d GB/.test(told[0]), told[0]);
    assertEquals(compiled.inputShape[0], 100_000);
    compiled.dispose();
    device.dispose();
  });

  Deno.test(`run() throws DeviceError after dispose(), which may be called twice, on ${name}`, async () => {
    const device = await open();
    const executable = await device.compile(relu());
    executable.dispose();
    executable.dispose();
    await assertRejects(() => executable.run({ x: new Float32Array(3) }), DeviceError, "was disposed");
    device.dispose();
  });
}

Deno.test("run() names the layer whose kernel fails on the CPU", async () => {
  const device = await openCpu();
  const executable = await device.compile(relu());
  const kernel = KERNELS.relu as { run: unknown };
  const { run } = kernel;
  kernel.run = () => {
    throw new WebAssembly.RuntimeError("unreachable");
  };
  try {
    await assertRejects(() => executable.run({ x: new Float32Array(3) }), DeviceError, "layer1.relu: unreachable");
  } finally {
    kernel.run = run;
  }
  assertEquals((await executable.run({ x: Float32Array.of(-1, 0, 2) })).y, Float32Array.of(0, 0, 2));
});

Deno.test("checkMemory() says which part of a step's batch the CPU takes", async () => {
  const device = await openCpu();
  const recipe = { ...DEFAULT_RECIPE, batch: 4096, microBatch: 4096, size: 32 };
  const error = await assertRejects(
    () => checkMemory(createModel({ arch: "resnet20" }), recipe, device),
    DeviceError,
    "a step of 4096 images of 32x32 needs",
  );
  assertStringIncludes(error.message, "--micro-batch 2048 fits and trains the same batch in parts");
});

Deno.test("checkMemory() names the largest divisor of the batch that the CPU takes", async () => {
  const device = await openCpu();
  const check = (microBatch: number) =>
    checkMemory(createModel({ arch: "resnet20" }), { ...DEFAULT_RECIPE, batch: 6000, microBatch, size: 32 }, device);
  const { message } = await assertRejects(() => check(6000), DeviceError);
  const part = Number(message.match(/--micro-batch (\d+) fits/)![1]);
  await check(part);
  const next = Array.from({ length: 6000 }, (_, i) => i).find((n) => n > part && 6000 % n === 0)!;
  await assertRejects(() => check(next), DeviceError, `--micro-batch ${part} fits`);
});
