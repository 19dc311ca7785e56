import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { histogram, mosaic, typicalMost } from "../../src/plots/mod.ts";

Deno.test("`mosaic()` puts output channels down and input channels across, with a gap between kernels", () => {
  const kernel = Float32Array.from({ length: 2 * 2 * 1 * 2 }, (_, i) => i);
  const { values, columns, caption } = mosaic(kernel, [4, 2, 2, 1, 2]);
  assertEquals(columns, 5);
  const _ = NaN;
  assertEquals([...values], [0, 1, _, 2, 3, _, _, _, _, _, 4, 5, _, 6, 7]);
  assertStringIncludes(caption, "1 × 2, 2 output channels (down), 2 input channels (across)");
});

Deno.test("`mosaic()` shows 16 of many channels each way, and rows of channels where each has one input", () => {
  const many = mosaic(Float32Array.from({ length: 20 * 30 }, (_, i) => i), [20, 30, 1, 1]);
  assertEquals([many.columns, many.values.length, many.values[16]], [16, 256, 30]);
  assertStringIncludes(many.caption, "16 of 20 output channels (down), 16 of 30 input channels (across)");
  const depthwise = mosaic(Float32Array.from({ length: 18 }, (_, i) => i), [18, 1, 1, 1]);
  assertEquals([depthwise.columns, depthwise.values[17], depthwise.values[18]], [16, 17, NaN]);
  assertStringIncludes(depthwise.caption, "18 channels");
});

Deno.test("`typicalMost()` lets one outlier in a hundred pass, and is 1 of nothing", () => {
  assertEquals(typicalMost([...Array(199).fill(-2), 50, NaN]), 2);
  assertEquals(typicalMost([]), 1);
});

Deno.test("`histogram()` draws bins as high as their counts, with a title that only readers of the text see", async () => {
  const svg = await histogram([1, 4, 0, 2], { title: "of conv1" });
  const heights = [...svg.matchAll(/<rect [^>]*height="([\d.]+)"/g)].map(([, height]) => Number(height)).slice(1);
  assertEquals(heights, [7, 28, 0, 14]);
  assertStringIncludes(svg, "<title>of conv1</title>");
  assert(!svg.includes("<text"), svg);
});
