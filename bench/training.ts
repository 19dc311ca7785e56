/** Training steps: forward, backward and SGD with momentum, loss read back. */

import { DataError } from "../src/errors.ts";
import { findArchitecture } from "../src/models/registry.ts";
import { sgd } from "../src/training/optimizer.ts";
import { Trainer } from "../src/training/trainer.ts";
import type { Arena } from "./arena.ts";
import { type Patience, timeRuns } from "./measure.ts";
import { countMadds, networksOf, noise, seededModel, staticTwin } from "./networks.ts";
import type { PyTorchJob } from "./peers/pytorch.ts";
import type { Row, Selection } from "./rows.ts";

/** As for PyTorch. */
type Job = Omit<PyTorchJob, keyof Patience>;

const LEARNING_RATE = 0.01;

/** Small enough for every peer: of the others, a step of tfjs takes minutes on a software adapter. */
const SMALL = ["resnet20", "od_resnet20"];

/** Largest relative difference of the first step's loss from a peer's. */
const TOLERANCE = 1e-3;

/** Measures one row after the other. */
export async function* trainingRows(arena: Arena, selection: Selection): AsyncGenerator<Row> {
  const { batches = [8], devices = ["webgpu"] } = selection;
  for (const { arch, kernelNum } of networksOf(selection, SMALL)) {
    for (const batch of batches) {
      const job: Job = { work: "train", model: arch, kernelNum, batch, imageSize: findArchitecture(arch).imageSize };
      for (const device of devices) {
        const { ms, madds } = await timeOurs(arena, device, job);
        const ceilingGflops = await arena.ceiling(device);
        const peers: Record<string, number> = {};
        const tfjs = device === "webgpu" ? await timeTfjs(arena, job) : undefined;
        if (tfjs !== undefined) peers["tfjs-webgpu"] = tfjs;
        const pytorch = device === "webgpu" ? await arena.timePyTorch(job) : undefined;
        if (pytorch !== undefined) peers.pytorch = pytorch;
        const gflops = 2 * madds / ms / 1e6;
        yield { work: "train", model: arch, kernelNum, batch, device, ms, gflops, ceilingGflops, peers };
      }
    }
  }
}

async function timeOurs(arena: Arena, device: Row["device"], job: Job): Promise<{ ms: number; madds: number }> {
  const trainer = await openTrainer(arena, device, job);
  const step = () => trainer.step(exampleOf(job), { learningRate: LEARNING_RATE });
  try {
    await step();
    return { ms: await timeRuns(step, 1, arena.patience), madds: countMadds(trainer.graph) };
  } finally {
    trainer.dispose();
  }
}

/** The static twin in tfjs, which must begin with the loss that this project begins with. */
async function timeTfjs(arena: Arena, { model, batch, ...rest }: Job): Promise<number | undefined> {
  const twin = staticTwin(model);
  if (!arena.takes("tfjs-webgpu") || !SMALL.includes(twin)) return undefined;
  return await arena.attempt(`tfjs-webgpu, training ${twin} batch ${batch}`, async () => {
    const job = { ...rest, model: twin, batch };
    const { x, labels } = exampleOf(job);
    const trainer = await openTrainer(arena, "webgpu", job);
    const { loss } = await trainer.step({ x, labels }, { learningRate: LEARNING_RATE });
    trainer.dispose();
    const { openTfjsTraining } = await import("./peers/tfjs_training.ts");
    const tfjs = await openTfjsTraining(await seededModel(twin, 1), batch, LEARNING_RATE);
    try {
      const theirs = await tfjs.step(x, labels);
      if (!(Math.abs(theirs - loss) <= TOLERANCE * loss)) {
        throw new DataError(`its loss is ${theirs}, expected ${loss}`);
      }
      return await timeRuns(() => tfjs.step(x, labels), 1, arena.patience);
    } finally {
      await tfjs.dispose();
    }
  });
}

async function openTrainer(arena: Arena, device: Row["device"], { model, kernelNum, batch }: Job): Promise<Trainer> {
  const optimizer = sgd({ momentum: 0.9, weightDecay: 1e-4 });
  return await Trainer.create(await seededModel(model, kernelNum), await arena.backend(device), { batch, optimizer });
}

function exampleOf({ batch, imageSize }: Job) {
  const labels = Float32Array.from({ length: batch }, (_, i) => i);
  return { x: noise(batch * 3 * imageSize ** 2), labels };
}
