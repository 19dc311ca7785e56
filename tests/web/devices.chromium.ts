/**
 * What is expected of a device under a second WebGPU implementation: the very tests that run in Deno (wgpu, naga) run in Chromium (Dawn, Tint).
 */

import { testInChromium } from "./in_chromium.ts";
import { DEVICE_TESTS } from "./kernel_tests.ts";

await testInChromium(DEVICE_TESTS);
