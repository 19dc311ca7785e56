/** The tests that also run in Chromium: all tests of kernels or of the device. */

const ALL = [
  ...[...Deno.readDirSync(new URL("../webgpu", import.meta.url))].map(({ name }) => `tests/webgpu/${name}`),
  "tests/graph/operators_test.ts", // against PyTorch's numbers
  "tests/models/parity_test.ts",
].filter((path) => path.endsWith("_test.ts")).sort();

const DEVICE = /\/(device|tuning|waste|memory|planned)/;
const TRAINING = /\/training_/;

/** Loss, limits, memory and what a device is asked for. */
export const DEVICE_TESTS = ALL.filter((path) => DEVICE.test(path));
/** The backward pass and updates. */
export const TRAINING_TESTS = ALL.filter((path) => TRAINING.test(path));
/** The forward pass: every other file, so that none is left out. */
export const FORWARD_TESTS = ALL.filter((path) => !DEVICE.test(path) && !TRAINING.test(path));
