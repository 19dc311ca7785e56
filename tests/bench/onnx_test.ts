import { assert, assertEquals, assertRejects } from "@std/assert";
import { openOnnxRuntime } from "../../bench/peers/onnxruntime.ts";
import { exportOnnx } from "../../bench/onnx/export.ts";
import { integer, join, message, string } from "../../bench/onnx/protobuf.ts";
import { expectAgreement, inputsOf, seededModel } from "../../bench/networks.ts";
import { openCpu } from "../../src/cpu/backend.ts";
import { ShapeError } from "../../src/errors.ts";
import { trainerGraph } from "../../src/training/trainer.ts";
import { sgd } from "../../src/training/optimizer.ts";

Deno.test("message() writes the encoding guide's example bytes", () => {
  // https://protobuf.dev/programming-guides/encoding: a = 150; b = "testing"; a message with a = 150 as field 3.
  assertEquals(join(integer(1, 150)), Uint8Array.of(0x08, 0x96, 0x01));
  assertEquals(join(string(2, "testing")), Uint8Array.of(0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67));
  assertEquals(join(message(3, integer(1, 150))), Uint8Array.of(0x1a, 0x03, 0x08, 0x96, 0x01));
});

for (const [arch, kernelNum] of [["resnet20", 1], ["od_resnet20", 1], ["od_resnet20", 4]] as const) {
  Deno.test(`exportOnnx() writes ${arch} with ${kernelNum} kernel(s) so that ONNX Runtime answers our logits`, async () => {
    const graph = (await seededModel(arch, kernelNum)).graph({ batch: 2 });
    const inputs = inputsOf(graph);
    const ours = await (await openCpu()).compile(graph);
    const theirs = await (await openOnnxRuntime("wasm")).compile(graph);
    try {
      const answer = await ours.run(inputs);
      assert(answer.logits.some((logit) => Math.abs(logit) > 1e-3));
      expectAgreement("onnxruntime-wasm", arch, answer, await theirs.run(inputs));
    } finally {
      ours.dispose();
      await theirs.dispose();
    }
  });
}

Deno.test("exportOnnx() names the layer of an operator that ONNX runtimes are not given", async () => {
  const graph = trainerGraph(await seededModel("resnet20", 1), { batch: 2, optimizer: sgd() });
  await assertRejects(() => exportOnnx(graph), ShapeError, "has no rule for ONNX");
});
