/** Tests the loss of devices: real (GPUDevice.destroy at chosen calls), and simulated, as by a driver that hangs. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DeviceError } from "../../src/errors.ts";
import { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { createModel, type Model } from "../../src/models/model/model.ts";
import { openWebGpu, type WebGpuOptions } from "../../src/webgpu/device.ts";
import { randomStateDict } from "../support/random_weights.ts";
import { type Faults, FaultyGpu } from "./faulty_gpu.ts";
import { random } from "../support/random_graph.ts";
import { withWebGpu } from "./support.ts";

function smallModel(): Model {
  const model = createModel({ arch: "od_resnet20", kernelNum: 2 });
  model.loadStateDict(randomStateDict(model.stateDictSpec()));
  return model;
}

/** w becomes w + w in every run. */
function doubling(): Graph {
  const graph = new Graph();
  const w = graph.parameter("w", [3], () => Promise.resolve(Float32Array.of(1, 2, 3)));
  const twice = graph.apply(OPERATORS.add, "twice", { a: w, b: w }, {});
  graph.output("y", twice);
  graph.update(w, twice);
  return graph;
}

const BATCHES = [1, 2, 3].map((seed) => random([2, 3, 32, 32], seed));

/** Logits of three batches, all in flight at once, then of the first again. */
async function logits(faults: Faults, options: WebGpuOptions = {}) {
  const faulty = new FaultyGpu(faults);
  const notices: string[] = [];
  const backend = await openWebGpu({ ...options, gpu: faulty.gpu, notice: (line) => notices.push(line) });
  try {
    const compiled = await smallModel().compile(backend!, { batch: 2 });
    const answers = await Promise.all(BATCHES.map((x) => compiled.run(x)));
    return { faulty, notices, answers: [...answers, await compiled.run(BATCHES[0])] };
  } finally {
    backend!.dispose();
  }
}

const whole = await logits({});

Deno.test("run() answers bit for bit the same when the device is destroyed at any call of compiling and running", async () => {
  const { calls } = whole.faulty;
  // Places all over, those of the runs, which come last, among them.
  const places = [1, 2, 5, ...[0.1, 0.3, 0.5, 0.7, 0.9].map((share) => Math.floor(share * calls))];
  for (let last = 0; last < 30; last += 2) places.push(calls - last);
  for (const place of places) {
    const { faulty, notices, answers } = await logits({ destroyAt: [place] });
    assertEquals(answers, whole.answers, `destroyed at call ${place}`);
    // What is destroyed by the very last calls has answered already.
    assertEquals(notices.length, faulty.devices - 1);
    assert(faulty.devices === 2 || place > calls - 10, `call ${place} of ${calls}: ${faulty.devices} devices`);
  }
});

Deno.test("run() answers the same when one device after the other is lost", async () => {
  const { calls } = whole.faulty;
  const { faulty, answers, notices } = await logits({ destroyAt: [calls - 20, calls + Math.floor(calls / 2)] });
  assertEquals(faulty.devices, 3);
  assertEquals(answers, whole.answers);
  assertStringIncludes(notices[0], "was lost (destroyed)");
  assertStringIncludes(notices[0], "it was opened again");
});

Deno.test("run() answers the same when the device hangs and only its loss is heard of", async () => {
  const faulty = new FaultyGpu();
  const backend = await openWebGpu({ gpu: faulty.gpu });
  const compiled = await smallModel().compile(backend!, { batch: 2 });
  assertEquals(await compiled.run(BATCHES[0]), whole.answers[0]);
  const runs = BATCHES.map((x) => compiled.run(x));
  faulty.lose();
  assertEquals(await Promise.all(runs), whole.answers.slice(0, 3));
  faulty.lose();
  assertEquals(await compiled.run(BATCHES[1]), whole.answers[1]);
  assertEquals(faulty.devices, 3);
  backend!.dispose();
});

Deno.test("run() throws DeviceError when the device is lost and cannot be opened again", async () => {
  const faulty = new FaultyGpu({ devices: 1 });
  const backend = await openWebGpu({ gpu: faulty.gpu });
  const compiled = await smallModel().compile(backend!, { batch: 2 });
  backend!.device.destroy();
  const error = await assertRejects(() => compiled.run(BATCHES[0]), DeviceError, "it could not be opened again");
  assertStringIncludes(error.message, backend!.description);
  backend!.dispose();
});

Deno.test("run() throws DeviceError of reason lost when the runs have changed parameters, and a new executable works", async () => {
  await withWebGpu({}, async (backend) => {
    const executable = await backend.compile(doubling());
    await executable.run({});
    backend.device.destroy();
    const lost = await assertRejects(() => executable.run({}), DeviceError, "was lost");
    assertEquals(lost.reason, "lost");
    const other = await backend.compile(doubling());
    await other.run({});
    const gone = await assertRejects(() => executable.read(["w"]), DeviceError, "compile the graph again");
    assertEquals(gone.reason, "lost");
    assertEquals((await other.read(["w"])).w, Float32Array.of(2, 4, 6));
  });
});
