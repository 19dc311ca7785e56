/**
 * Tests devices with a second WebGPU implementation: the tests that run in Deno (wgpu, naga) run again in Chromium
 * (Dawn, Tint).
 */

import { testInChromium } from "./in_chromium.ts";
import { DEVICE_TESTS } from "./kernel_tests.ts";

await testInChromium(DEVICE_TESTS);
