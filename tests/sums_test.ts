/** Tests long sums on every kind of device: their rounding errors are close to PyTorch's. */

import { assert } from "@std/assert";
import { openCpu } from "../src/cpu/backend.ts";
import type { Backend } from "../src/graph/backend.ts";
import { openWebGpu } from "../src/webgpu/device.ts";
import { allowedError, logitsError, readModelCases } from "./support/model_parity.ts";
import { allowedOfSum, readSumCases, sumErrors } from "./support/sum_cases.ts";

const DEVICES: Readonly<Record<string, () => Promise<Backend | null>>> = {
  "the CPU": openCpu,
  "WebGPU, software profile": () => openWebGpu({ operands: "texture", profile: "software" }),
  "WebGPU, hardware profile": () => openWebGpu({ operands: "buffer", profile: "hardware" }),
};

for (const [device, open] of Object.entries(DEVICES)) {
  Deno.test(`long sums are at most 4 times as far from float64 as PyTorch's on ${device}`, async (t) => {
    const backend = await open();
    assert(backend, "these tests need a WebGPU adapter: `deno task test` says what to install");
    for (const c of await readSumCases()) {
      await t.step(c.name, async () => {
        for (const [output, error] of Object.entries(await sumErrors(backend, c))) {
          const allowed = allowedOfSum(c.outputs[output].torchError);
          assert(error <= allowed, `${output}: error ${error.toExponential(1)}, allowed ${allowed.toExponential(1)}`);
        }
      });
    }
    backend.dispose();
  });
}

Deno.test("sensitive attentions see the same means at 224x224 in the hardware profile", async () => {
  const backend = (await DEVICES["WebGPU, hardware profile"]())!;
  const { models } = await readModelCases();
  const model = models.find(({ name }) => name === "od_mobilenetv2_050_4x@224-sensitive")!;
  const [error, allowed] = [await logitsError(backend, model), allowedError(model)];
  backend.dispose();
  assert(error <= allowed, `relative error ${error.toExponential(1)}, allowed ${allowed.toExponential(1)}`);
});
