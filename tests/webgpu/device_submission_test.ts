/** Tests long runs, which are submitted in parts. */

import { assert, assertEquals } from "@std/assert";
import { createModel, type Model } from "../../src/models/model/model.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { GlobalAvgPool } from "../../src/nn/stateless.ts";
import { sgd } from "../../src/training/optimizer.ts";
import { Trainer, trainerGraph } from "../../src/training/trainer.ts";
import { openWebGpu, type WebGpuBackend } from "../../src/webgpu/device.ts";
import { ANY_DEVICE } from "../../src/webgpu/planner/planned_memory.ts";
import { planGraph } from "../../src/webgpu/planner/planner.ts";
import { estimate, partsOf } from "../../src/webgpu/run/submission.ts";
import { random } from "../support/random_graph.ts";
import { CLASSES, smallModel, weightsOf } from "../training/small_model.ts";
import { FaultyGpu } from "./faulty_gpu.ts";
import { withWebGpu } from "./support.ts";

/** Few kernels over much memory: some parts that take no long time. */
const BATCH = 16, IMAGE = 256, LAYERS = 12;

function network(): Model {
  const layers = Array.from({ length: LAYERS }, (_, i) => new Conv2d(i ? 4 : 3, 4, 1));
  return smallModel(new Sequential(...layers, new GlobalAvgPool(), new Linear(4, CLASSES)));
}

const images = random([BATCH, 3, IMAGE, IMAGE], 1);
const labels = Float32Array.from({ length: BATCH }, (_, i) => i % CLASSES);

Deno.test("partsOf() keeps every step and its order, and each part within 100 ms of a slow GPU", () => {
  const options = { batch: 64, inputShape: [3, 64, 64], optimizer: sgd() };
  const model = createModel({ arch: "od_resnet18", kernelNum: 4 });
  for (const graph of [model.graph({ batch: 8 }), trainerGraph(model, options)]) {
    const plan = planGraph(graph, ANY_DEVICE);
    const times = estimate(plan);
    assert(times.every((ms) => ms > 0 && ms < Infinity));
    const parts = partsOf(plan, times.map((_, i) => i));
    assertEquals(parts.flat(), times.map((_, i) => i));
    const sums = parts.map((part) => part.reduce((sum, i) => sum + times[i], 0));
    assert(parts.length > 2, `${parts.length}`);
    sums.forEach((ms, i) => assert(ms <= 100 || parts[i].length === 1, `part ${i}: ${ms} ms`));
    // No more parts than are of use.
    sums.slice(1).forEach((ms, i) => assert(ms + sums[i] > 100, `parts ${i} and ${i + 1}: ${ms + sums[i]} ms`));
  }
  assertEquals(partsOf({ steps: [] }, []), [[]]);
});

/** Submits so many parts of a run as one. */
async function together<T>({ device: { queue } }: WebGpuBackend, parts: number, work: () => Promise<T>): Promise<T> {
  const { submit } = queue;
  const held: GPUCommandBuffer[] = [];
  queue.submit = (buffers) => {
    held.push(...buffers);
    if (held.length === parts) submit.call(queue, held.splice(0));
  };
  return await work().finally(() => {
    queue.submit = submit;
    assertEquals(held.length, 0);
  });
}

/** Counts submissions. */
async function submissions({ device: { queue } }: WebGpuBackend, work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const { submit } = queue;
  queue.submit = (buffers) => {
    count++;
    submit.call(queue, buffers);
  };
  await work().finally(() => queue.submit = submit);
  return count;
}

Deno.test("run() answers bit for bit the same in parts and in one submission, and submits no more often than there are parts", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(network().graph({ batch: BATCH, imageSize: IMAGE }));
    const expected = await executable.run({ x: images });
    const parts = partsOf(executable.plan, [...executable.plan.steps]).length;
    assert(parts > 1, `${parts} parts`);
    let actual: unknown;
    assertEquals(
      await submissions(backend, async () => {
        actual = await executable.run({ x: images });
      }),
      parts,
    );
    assertEquals(actual, expected);
    assertEquals(await together(backend, parts, () => executable.run({ x: images })), expected);
    // Runs in flight do not mix.
    const runs = await Promise.all([images, images.map((v) => -v), images].map((x) => executable.run({ x })));
    assertEquals([runs[0], runs[2]], [expected, expected]);
    assert(runs[1].logits[0] !== expected.logits[0]);
  });
});

Deno.test("a step of training in parts changes the weights as one in one submission does", async () => {
  /** In so many parts together, or one by one. */
  const train = async (parts?: number) => {
    const model = network();
    let loss = 0, count = 0;
    await withWebGpu({}, async (backend) => {
      const trainer = await Trainer.create(model, backend, {
        batch: BATCH,
        inputShape: [3, IMAGE, IMAGE],
        optimizer: sgd(),
      });
      const step = () => trainer.step({ x: images, labels }, { learningRate: 0.1 });
      // The first has its own buffer made, with an await before its submission.
      loss = (await step()).loss;
      const second = async () => {
        loss += (await step()).loss;
      };
      if (parts) await together(backend, parts, second);
      else count = await submissions(backend, second);
      await trainer.sync();
    });
    return { count, results: { loss, weights: await weightsOf(model) } };
  };
  const { count, results } = await train();
  assert(count > 3, `${count} submissions`);
  assertEquals((await train(count)).results, results);
});

Deno.test("run() answers the same when the device is lost between two parts", async () => {
  const run = async (destroyAt: readonly number[]) => {
    const faulty = new FaultyGpu({ destroyAt });
    const backend = (await openWebGpu({ gpu: faulty.gpu }))!;
    try {
      const compiled = await network().compile(backend, { batch: BATCH, imageSize: IMAGE });
      await compiled.run(images);
      const logits = await compiled.run(images);
      return { logits, calls: faulty.calls, devices: faulty.devices };
    } finally {
      backend.dispose();
    }
  };
  const whole = await run([]);
  // The last calls: an encoder and a submission for each part.
  for (const before of [1, 2]) {
    const { logits, devices } = await run([whole.calls - before]);
    assertEquals(devices, 2);
    assertEquals(logits, whole.logits);
  }
});
