import { assertEquals } from "@std/assert";
import {
  CIFAR10,
  crop,
  cropStart,
  IMAGENET,
  normalize,
  preprocess,
  resizedSize,
} from "../../src/data/pixels/preprocessing.ts";
import { resize } from "../../src/data/pixels/resize.ts";
import { crops, ramps, resizes, sha256 } from "./expected.ts";
import { formulaImage } from "./formula_image.ts";

for (const expected of resizes) {
  const { width, height } = expected;
  Deno.test(`crop() gives torchvision's bytes for an image of ${width}x${height}`, async () => {
    const image = formulaImage(width, height);
    const size = resizedSize(width, height, 256);
    assertEquals([size.width, size.height], expected.resized);
    assertEquals(await sha256(crop(image, IMAGENET).data), expected.sha256);
  });
}

Deno.test("resize() gives PIL's bytes for whole images, enlarged and reduced", async () => {
  for (const { width, height, resized, resizedSha256 } of resizes) {
    const { data } = resize(formulaImage(width, height), resized[0], resized[1]);
    assertEquals(await sha256(data), resizedSha256, `${width}x${height}`);
  }
});

Deno.test("crop() pads and rounds as torchvision does, odd and even, smaller and larger", async () => {
  for (const { width, height, side, sha256: expected } of crops) {
    const { data } = crop(formulaImage(width, height), { ...CIFAR10, resize: null, crop: side });
    assertEquals(await sha256(data), expected, `${width}x${height} to ${side}`);
  }
});

Deno.test("cropStart() sends halves to the even neighbour", () => {
  assertEquals([225, 227, 229, 231].map((size) => cropStart(size, 224)), [0, 2, 2, 4]);
});

Deno.test("resizedSize() truncates the longer side", () => {
  assertEquals(resizedSize(333, 500, 256), { width: 256, height: 384 });
  assertEquals(resizedSize(500, 333, 256), { width: 384, height: 256 });
});

Deno.test("normalize() equals PyTorch's float32 arithmetic in every bit", async () => {
  const data = Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3));
  const ramp = { width: 256, height: 1, data };
  assertEquals(await sha256(normalize(ramp, IMAGENET)), ramps.imagenet);
  assertEquals(await sha256(normalize(ramp, CIFAR10)), ramps.cifar10);
});

Deno.test("preprocess() lays channels out as planes", () => {
  const pixel = { width: 2, height: 1, data: Uint8Array.of(255, 0, 0, 0, 255, 0) };
  const identity = { resize: null, crop: null, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  assertEquals([...preprocess(pixel, identity)], [1, 0, 0, 1, 0, 0]);
});
