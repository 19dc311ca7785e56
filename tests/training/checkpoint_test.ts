import { assertEquals, assertRejects } from "@std/assert";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { CheckpointError } from "../../src/errors.ts";
import { createModel } from "../../src/models/model/model.ts";
import { loadCheckpoint, type RunState, saveCheckpoint } from "../../src/training/checkpoint.ts";
import { TrainingMemory } from "../../src/training/trainer.ts";
import { uniform } from "../support/random_weights.ts";
import { weightsOf } from "./small_model.ts";
import { inFolder, RECIPE } from "./small_run.ts";

function someState(): RunState {
  const memory = new TrainingMemory();
  memory.tensors.set("fc.weight/momentum_buffer", uniform("momentum", [3, 64]));
  memory.tensors.set("fc.weight/average", uniform("average", [3, 64]));
  memory.updates = 7;
  memory.passes = 14;
  const sums = { images: 4, loss: 4.5, top1: 2, top5: 4, skipped: 1 };
  return { recipe: RECIPE, memory, epoch: 2, learningRate: RECIPE.lr, best: 61.5, sums, data: "x", trainingImages: 11 };
}

Deno.test("loadCheckpoint() answers what saveCheckpoint() was given; the weights beside it are the averaged ones", async () => {
  await inFolder(async (folder) => {
    const model = createModel({ arch: "resnet20", numClasses: 3 });
    const state = someState();
    await saveCheckpoint(folder, "last", model, state);
    const loaded = await loadCheckpoint(folder);
    assertEquals(loaded.state, state);
    assertEquals(loaded.model.config, model.config);
    assertEquals(await weightsOf(loaded.model), await weightsOf(model));
    const { tensors, close } = await openCheckpoint(`${folder}/last.safetensors`);
    const weight = new Float32Array((await tensors.get("fc.weight")!.read()).slice().buffer);
    close();
    assertEquals(weight, state.memory.tensors.get("fc.weight/average"));
  });
});

Deno.test("loadCheckpoint() refuses files that are no state of a run, saying why", async () => {
  await inFolder(async (folder) => {
    const model = createModel({ arch: "resnet20", numClasses: 3 });
    await saveCheckpoint(folder, "last", model, someState());
    const path = `${folder}/last.state.safetensors`;
    const { tensors, metadata, close } = await openCheckpoint(path);
    const cases: [Record<string, string>, string][] = [
      [{ recipe: "{" }, "its recipe is no JSON"],
      [{ recipe: "[]" }, "its recipe has no value for epochs"],
      [{ recipe: JSON.stringify({ ...RECIPE, lr: "fast" }) }, 'its recipe has "fast" for lr'],
      [{ passes: "-1" }, 'its passes is "-1"'],
      [{ step: "1.5" }, 'metadata step is "1.5"'],
      [{ epoch_sums: '{"images":1}' }, "its epoch_sums are"],
      [{ architecture: "od_resnet1" }, 'no architecture is called "od_resnet1"'],
      [{ num_classes: "5" }, "2 tensors do not fit"],
    ];
    for (const [change, message] of cases) {
      await Deno.mkdir(`${folder}/x`, { recursive: true });
      await writeSafetensors(`${folder}/x/last.state.safetensors`, tensors, { ...metadata, ...change });
      await assertRejects(() => loadCheckpoint(`${folder}/x`), CheckpointError, message);
    }
    const stray = new Map([...tensors, ["fc.weight/momentum_buffer", tensors.get("fc.bias")!] as const]);
    await writeSafetensors(`${folder}/x/last.state.safetensors`, stray, metadata);
    await assertRejects(() => loadCheckpoint(`${folder}/x`), CheckpointError, "belongs to no parameter");
    close();
  });
});
