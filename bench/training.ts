/** Times training steps: forward, backward and SGD with momentum; the loss is read back. */

import { DataError } from "../src/errors.ts";
import { findArchitecture } from "../src/models/architectures/registry.ts";
import { sgd } from "../src/training/optimizer.ts";
import { trainingForward } from "../src/training/step.ts";
import { Trainer } from "../src/training/trainer.ts";
import type { Arena } from "./arena.ts";
import { forwardTask } from "./inference.ts";
import { ratioInTurns, type Timed, timed, timeRuns } from "./measure.ts";
import { countMadds, inputsOf, networksOf, noise, seededModel, staticTwin } from "./networks.ts";
import type { PyTorchJob } from "./peers/pytorch.ts";
import type { Row, Selection } from "./rows.ts";

const LEARNING_RATE = 0.01;
const OPTIMIZER = sgd({ momentum: 0.9, weightDecay: 1e-4 });

/** Networks small enough for every peer. A step of tfjs with a larger one takes minutes on a software adapter. */
const SMALL = ["resnet20", "od_resnet20"];

/** Largest relative difference of the first step's loss from a peer's. */
const TOLERANCE = 1e-3;

/** Measures the rows one after the other. */
export async function* trainingRows(arena: Arena, selection: Selection): AsyncGenerator<Row> {
  const { batches = [8] } = selection;
  const devices = (selection.devices ?? ["webgpu"]).filter((device) => device !== "cpu-pool"); // it does not train
  for (const { arch, kernelNum } of networksOf(selection, SMALL)) {
    for (const batch of batches) {
      const job: PyTorchJob = {
        work: "train",
        model: arch,
        kernelNum,
        batch,
        imageSize: findArchitecture(arch).imageSize,
      };
      for (const device of devices) {
        const { peers, ...times } = await timeOurs(arena, device, job);
        const ceilingGflops = await arena.ceiling(device);
        const tfjs = device === "webgpu" ? await timeTfjs(arena, job) : undefined;
        if (tfjs !== undefined) peers["tfjs-webgpu"] = tfjs;
        yield { work: "train", model: arch, kernelNum, batch, device, ...times, ceilingGflops, peers };
      }
    }
  }
}

async function timeOurs(arena: Arena, device: Row["device"], job: PyTorchJob) {
  const trainer = await openTrainer(arena, device, job);
  const step = () => trainer.step(exampleOf(job), { learningRate: LEARNING_RATE });
  try {
    await step();
    const ms = await timeRuns(step, 1, arena.patience);
    const work = timed(step, 1);
    const over = {
      forward: await overForward(arena, device, job, work, false),
      "training forward": await overForward(arena, device, job, work, true),
    };
    const peers: Record<string, number> = {};
    const pytorch = device === "webgpu" ? await arena.overPyTorch(job, work) : undefined;
    if (pytorch !== undefined) peers.pytorch = pytorch * ms;
    return { ms, gflops: 2 * countMadds(trainer.graph) / ms / 1e6, over, peers };
  } finally {
    trainer.dispose();
  }
}

/** Returns the time of a step divided by that of the forward pass of the same batch, in training or inference form. */
async function overForward(
  arena: Arena,
  device: Row["device"],
  { model: arch, kernelNum, batch, imageSize }: PyTorchJob,
  step: Timed,
  training: boolean,
): Promise<number> {
  const model = await seededModel(arch, kernelNum);
  const shape = [batch, 3, imageSize, imageSize];
  const graph = training
    ? trainingForward(model.network, shape, { optimizer: OPTIMIZER }).graph
    : forwardTask(model, batch).graph;
  const forward = await (await arena.backend(device)).compile(graph);
  const inputs = training ? exampleOf({ batch, imageSize }) : inputsOf(graph);
  try {
    await forward.run(inputs);
    return await ratioInTurns(step, timed(() => forward.run(inputs), 1), arena.patience);
  } finally {
    forward.dispose();
  }
}

/** Opens the static twin in tfjs. Its first loss must agree with this project's. */
async function timeTfjs(arena: Arena, { model, batch, ...rest }: PyTorchJob): Promise<number | undefined> {
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

async function openTrainer(
  arena: Arena,
  device: Row["device"],
  { model, kernelNum, batch }: PyTorchJob,
): Promise<Trainer> {
  const options = { batch, optimizer: OPTIMIZER };
  return await Trainer.create(await seededModel(model, kernelNum), await arena.backend(device), options);
}

function exampleOf({ batch, imageSize }: Pick<PyTorchJob, "batch" | "imageSize">) {
  const labels = Float32Array.from({ length: batch }, (_, i) => i);
  return { x: noise(batch * 3 * imageSize ** 2), labels };
}
