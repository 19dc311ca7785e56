/**
 * Tests kernels of the backward pass with a second WebGPU implementation: the tests that run in Deno (wgpu, naga) run
 * again in Chromium (Dawn, Tint).
 */

import { testInChromium } from "./in_chromium.ts";
import { TRAINING_TESTS } from "./kernel_tests.ts";

await testInChromium(TRAINING_TESTS);
