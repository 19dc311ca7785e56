import { assert } from "@std/assert";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";
import { allowedError, logitsError, readModelCases } from "../support/model_parity.ts";

const { models } = await readModelCases();

for (const device of DEVICE_NAMES) {
  Deno.test(`networks answer PyTorch's logits on ${device}`, async (t) => {
    const backend = await openTestDevice(device);
    for (const model of models.filter(({ quick }) => quick)) {
      await t.step(`${model.name}, batch ${model.batch}`, async () => {
        const error = await logitsError(backend, model);
        const allowed = allowedError(model);
        assert(error <= allowed, `relative error ${error.toExponential(1)}, allowed ${allowed.toExponential(1)}`);
      });
    }
    backend.dispose();
  });
}
