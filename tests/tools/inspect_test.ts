import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { REGISTRY } from "../../src/models/architectures/registry.ts";
import { runTask } from "../support/run_task.ts";

Deno.test("inspect lists every architecture with its counts and the published figures", async () => {
  const { code, stdout } = await runTask("inspect");
  assertEquals(code, 0);
  for (const arch of REGISTRY.keys()) assert(new RegExp(`^${arch} `, "m").test(stdout), arch);
  assert(/^od_resnet50 +4 +224 +90,670,888 +4,275,346,736 +4\.080G +78\.5 +93\.99$/m.test(stdout), stdout);
});

Deno.test("inspect --json has the keys that programs rely on", async () => {
  const { code, stdout } = await runTask("inspect", "od_resnet18", "--kernel-num", "4", "--num-classes", "7", "--json");
  assertEquals(code, 0);
  const summary = JSON.parse(stdout);
  assertEquals([summary.arch, summary.kernelNum, summary.reduction, summary.numClasses], ["od_resnet18", 4, 0.0625, 7]);
  assertEquals(summary.parameters, 44901640 - 513 * 993);
  assertEquals(summary.stateDict[6], { name: "layer1.0.conv1.weight", shape: [4, 64, 64, 3, 3], dtype: "float32" });
  assertEquals(summary.layers.length, 20);
  assertEquals(summary.layers[1].attentions, ["channel", "filter", "spatial", "kernel"]);
  assertEquals(summary.published, null);
  // Only the layers and the classifier have multiply-adds.
  const layers = summary.layers.reduce((n: number, layer: { madds: number }) => n + layer.madds, 0);
  assertEquals(layers + 512 * 7, summary.madds);
});

Deno.test("inspect reads a converted file by its name", async () => {
  const { code, stdout } = await runTask("inspect", "od_resnet20_cifar10");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "od_resnet20, kernel_num 4");
  assertStringIncludes(stdout, "1,108,084");
});

Deno.test("inspect explains wrong usage with exit code 2 and a missing file with 1", async () => {
  const usage = await runTask("inspect", "od_resnet18", "--kernel-num", "0");
  assertEquals(usage.code, 2);
  assertStringIncludes(usage.stderr, "--kernel-num");
  const missing = await runTask("inspect", "nothing_here");
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "nothing_here");
});
