import { assertEquals, assertThrows } from "@std/assert";
import { CheckpointError } from "../../src/errors.ts";
import { createModel } from "../../src/models/model/model.ts";

import { Dropout } from "../../src/nn/stateless.ts";
import { setDropout } from "../../src/training/dropout.ts";
import { finetuned } from "../../src/models/finetuned.ts";
import { trainingForward } from "../../src/training/step.ts";
import { sgd } from "../../src/training/optimizer.ts";
import { randomStateDict } from "../support/random_weights.ts";
import { weightsOf } from "../training/small_model.ts";

Deno.test("finetuned() keeps every weight but a classifier of another number of classes", async () => {
  const source = createModel({ arch: "od_resnet20", kernelNum: 2 });
  source.loadStateDict(randomStateDict(source.stateDictSpec()));
  const before = await weightsOf(source);
  const changed = async (numClasses: number) => {
    const after = await weightsOf(finetuned(source, { arch: "od_resnet20", numClasses }));
    return Object.keys(before).filter((name) => before[name].join() !== after[name].join());
  };
  assertEquals(await changed(10), []);
  assertEquals(await changed(3), ["fc.weight", "fc.bias"]);
  assertThrows(() => finetuned(source, { kernelNum: 4 }), CheckpointError, "the weights are of kernelNum 2");
});

Deno.test("setDropout() drops before the classifier of every network and keeps the names of its parameters", () => {
  for (const arch of ["od_resnet20", "mobilenetv2_050"]) {
    const model = createModel({ arch });
    const names = model.stateDictSpec();
    setDropout(model.network, 0.4);
    assertEquals(model.stateDictSpec(), names);
    const { graph } = trainingForward(model.network, [2, 3, 32, 32], { optimizer: sgd() });
    const masks = graph.nodes.filter(({ op }) => op.name === "dropout_mask");
    assertEquals(masks.map(({ attributes }) => (attributes as { p: number }).p), [0.4]);
    assertEquals(graph.nodes.filter(({ op }) => op.name === "linear").at(-1)!.operands.x!.source.kind, "node");
  }
});

Deno.test("setDropout() turns the dropout of MobileNetV2 off at 0", () => {
  const { network } = createModel({ arch: "od_mobilenetv2_050" });
  setDropout(network, 0);
  const layers = [...network.namedModules()].flatMap(([, module]) => module instanceof Dropout ? [module.p] : []);
  assertEquals(layers, [0]);
});
