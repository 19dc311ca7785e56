import { assert, assertEquals } from "@std/assert";
import { createModel } from "../../src/models/model/model.ts";
import type { WebGpuBackend } from "../../src/webgpu/device.ts";
import { random } from "../support/random_graph.ts";
import { withWebGpu } from "./support.ts";

type Calls = Record<string, number>;

/** Methods of a GPUDevice that create something. */
const MAKERS = [
  "createBuffer",
  "createTexture",
  "createBindGroup",
  "createBindGroupLayout",
  "createShaderModule",
  "createComputePipeline",
  "createComputePipelineAsync",
  "createQuerySet",
  "pushErrorScope",
] as const;

/** Counts what a device is asked for while `work` runs. */
async function counted({ device }: WebGpuBackend, work: () => Promise<unknown>): Promise<Calls> {
  const calls: Calls = {};
  const restored: (() => void)[] = [];
  // deno-lint-ignore no-explicit-any -- whatever a method takes is passed on
  const count = (owner: any, name: string) => {
    const method = owner[name];
    // deno-lint-ignore no-explicit-any
    owner[name] = function (this: unknown, ...args: any[]) {
      calls[name] = (calls[name] ?? 0) + 1;
      return method.apply(this, args);
    };
    restored.push(() => owner[name] = method);
  };
  for (const name of MAKERS) count(device, name);
  for (const name of ["submit", "writeBuffer", "writeTexture", "onSubmittedWorkDone"]) count(device.queue, name);
  count(GPUBuffer.prototype, "mapAsync");
  try {
    await work();
  } finally {
    restored.forEach((restore) => restore());
  }
  return calls;
}

const graph = () => createModel({ arch: "od_resnet20", kernelNum: 2 }).graph({ batch: 2 });
const x = random([2 * 3 * 32 * 32], 1);

Deno.test("compile() makes one pipeline of each distinct source, all of them asynchronously", async () => {
  await withWebGpu({}, async (backend) => {
    const sources = new Set<string>();
    const calls = await counted(backend, async () => {
      const { plan } = await backend.compile(graph());
      for (const step of plan.steps) if (step.kind === "dispatch") sources.add(step.dispatch.shader.source);
    });
    assertEquals(calls.createComputePipelineAsync, sources.size);
    assertEquals([calls.createComputePipeline, calls.submit], [undefined, undefined]);
    const again = await counted(backend, () => backend.compile(graph()));
    assertEquals([again.createComputePipelineAsync, again.createShaderModule], [undefined, undefined]);
  });
});

Deno.test("run() makes nothing after the first run: it writes its inputs, submits once and waits once", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(graph());
    await executable.run({ x });
    for (let i = 0; i < 3; i++) {
      const calls = await counted(backend, () => executable.run({ x }));
      assertEquals(calls, { writeBuffer: executable.plan.inputs.size, submit: 1, mapAsync: 1 });
    }
  });
});

Deno.test("run() writes and submits before the runs in flight have ended, with a buffer of outputs for each that is kept", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(graph());
    await executable.run({ x });
    const flight = () => Array.from({ length: 3 }, () => executable.run({ x }));
    let submitted: Calls = {};
    const first = await counted(backend, async () => {
      const runs = flight();
      await Promise.all(runs);
    });
    assertEquals([first.createBuffer, first.submit, first.mapAsync], [2, 3, 3]);
    const second = await counted(backend, async () => {
      let ended = 0;
      let runs: Promise<unknown>[] = [];
      submitted = await counted(backend, () => {
        runs = flight().map((run) => run.then(() => ended++));
        assertEquals(ended, 0);
        return Promise.resolve();
      });
      await Promise.all(runs);
    });
    assertEquals([submitted.submit, submitted.writeBuffer], [3, 3 * executable.plan.inputs.size]);
    assertEquals(second.createBuffer, undefined);
  });
});

Deno.test("run() reads back the graph's outputs and nothing else", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(graph());
    const { createBuffer } = backend.device;
    const sizes: number[] = [];
    backend.device.createBuffer = (descriptor) => {
      sizes.push(descriptor.size);
      return createBuffer.call(backend.device, descriptor);
    };
    await executable.run({ x });
    // Two times ten logits, in whole texels of four.
    assertEquals(sizes, [2 * 10 * 4]);
    const copied = executable.plan.steps.filter((step) => step.kind === "copy");
    assert(copied.every(({ to }) => to.form === "texture"));
  });
});
