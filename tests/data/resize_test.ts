import { assert, assertEquals } from "@std/assert";
import { type Interpolation, resize } from "../../src/data/pixels/resize.ts";
import { sha256, windows } from "./expected.ts";
import { formulaImage } from "./formula_image.ts";

for (const { width, height, to, interpolation, window, sha256: expected } of windows) {
  Deno.test(`resize() gives PIL's ${interpolation} bytes from ${width}x${height} to ${to.join("x")}, ${JSON.stringify(window)}`, async () => {
    const part = resize(formulaImage(width, height), to[0], to[1], window, interpolation as Interpolation);
    assertEquals([part.width, part.height], [window.width, window.height]);
    assertEquals(await sha256(part.data), expected);
  });
}

Deno.test("resize() is bilinear unless told otherwise, and the two differ", () => {
  const image = formulaImage(20, 20);
  const usual = resize(image, 9, 11);
  assertEquals(usual.data, resize(image, 9, 11, undefined, "bilinear").data);
  assert(resize(image, 9, 11, undefined, "bicubic").data.some((byte, i) => byte !== usual.data[i]));
});
