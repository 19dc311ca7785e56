import { assert, assertEquals, assertThrows } from "@std/assert";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { TrainingError } from "../../src/errors.ts";
import { createModel } from "../../src/models/model/model.ts";
import { checkFrozen, isFrozen } from "../../src/training/freeze.ts";
import { inFolder, RECIPE, smallRun } from "./small_run.ts";

Deno.test("isFrozen() takes a name for the layer and all that is in it, and * for any characters", () => {
  const names = ["conv1.weight", "layer1.0.conv1.weight", "layer10.0.bn1.bias", "fc.weight", "fc.bias"];
  const cases: Record<string, number[]> = {
    "layer1": [1],
    "layer1*": [1, 2],
    "conv1": [0],
    "*conv1": [0, 1],
    "fc.weight": [3],
    "f..weight": [],
    "*": [0, 1, 2, 3, 4],
    "": [],
  };
  for (const [pattern, expected] of Object.entries(cases)) {
    assertEquals(names.flatMap((name, i) => isFrozen(name, [pattern]) ? [i] : []), expected, pattern);
  }
});

Deno.test("checkFrozen() refuses a pattern that freezes nothing, and patterns that freeze everything", () => {
  const model = createModel({ arch: "resnet20" });
  checkFrozen(model, ["layer1", "fc.bias"]);
  assertThrows(() => checkFrozen(model, ["layer1", "head"]), TrainingError, '"head" freezes nothing: resnet20 has');
  assertThrows(() => checkFrozen(model, ["*"]), TrainingError, "none is left");
});

Deno.test("runTraining() leaves frozen parameters as they were, also resumed", async () => {
  await inFolder(async (folder) => {
    const weights = async () => {
      const { tensors, close } = await openCheckpoint(`${folder}/last.state.safetensors`);
      const read = async (name: string) => (await tensors.get(name)!.read()).toBase64();
      const found = [await read("layer1.0.conv1.weight"), await read("fc.weight")];
      assertEquals(tensors.has("layer1.0.conv1.weight/momentum_buffer"), false);
      close();
      return found;
    };
    await smallRun(folder, { recipe: { ...RECIPE, freeze: ["conv1", "layer1"], epochs: 1 } });
    const [frozen, trained] = await weights();
    await smallRun(folder, { resume: true, recipe: { ...RECIPE, freeze: ["conv1", "layer1"] } });
    const [frozenAfter, trainedAfter] = await weights();
    assertEquals(frozenAfter, frozen);
    assert(trainedAfter !== trained);
  });
});
