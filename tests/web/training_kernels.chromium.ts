/**
 * Kernels of the backward pass under a second WebGPU implementation: the very tests that run in Deno (wgpu, naga) run in Chromium (Dawn, Tint).
 */

import { testInChromium } from "./in_chromium.ts";
import { TRAINING_TESTS } from "./kernel_tests.ts";

await testInChromium(TRAINING_TESTS);
