import { assert, assertEquals } from "@std/assert";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";
import {
  curveError,
  LOSS_TOLERANCE,
  readTrainingCases,
  TENSOR_TOLERANCE,
  trainCase,
} from "../support/training_parity.ts";

const { setting, cases } = await readTrainingCases();

/** Small enough for every test run; `deno task training-parity` compares all. */
const QUICK = [{ name: "od_resnet18_1x@1", steps: 1 }, { name: "od_mobilenetv2_050_4x@30", steps: 3 }];

for (const device of DEVICE_NAMES) {
  Deno.test(`networks train as PyTorch's do on ${device}`, async (t) => {
    const backend = await openTestDevice(device);
    for (const { name, steps } of QUICK) {
      await t.step(`${name}, ${steps} steps`, async () => {
        const c = cases.find((c) => c.name === name)!;
        const { tensors, losses } = await trainCase(backend, setting, c, steps);
        const far = tensors.filter(({ error }) => !(error <= TENSOR_TOLERANCE));
        assertEquals(far, [], `gradients or statistics farther from PyTorch's than ${TENSOR_TOLERANCE}`);
        const error = curveError(losses, c.losses);
        assert(error <= LOSS_TOLERANCE, `losses ${losses}, expected ${c.losses.slice(0, steps)}`);
      });
    }
    backend.dispose();
  });
}
