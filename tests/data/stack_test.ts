import { assertEquals, assertThrows } from "@std/assert";
import { CIFAR10, normalize } from "../../src/data/pixels/preprocessing.ts";
import { stack } from "../../src/data/pixels/stack.ts";
import { ShapeError } from "../../src/errors.ts";
import { type ImageTensor, imageTensor } from "../../src/image_tensor.ts";

/** An image whose bytes are all `value`, 2 pixels high and 3 wide. */
function planes(value: number): ImageTensor {
  return normalize({ width: 3, height: 2, data: new Uint8Array(18).fill(value) }, CIFAR10);
}

Deno.test("normalize() returns an array that says its channels, height and width", () => {
  const image = planes(7);
  assertEquals(image.shape, [3, 2, 3]);
  // It is the array of numbers that it was: it compares as one, and copies are plain.
  assertEquals(Object.keys(image).length, 18);
  assertEquals("shape" in image.slice(), false);
});

Deno.test("stack() puts images behind each other as torch.stack does, more of them than a call has arguments", () => {
  const images = Array.from({ length: 3 }, (_, i) => planes(i));
  const batch = stack(images);
  assertEquals(batch.shape, [3, 3, 2, 3]);
  assertEquals([...batch], images.flatMap((image) => [...image]));
  const large = imageTensor(new Float32Array(3 * 224 * 224).fill(1), [3, 224, 224]);
  assertEquals(stack([large, large]).shape, [2, 3, 224, 224]);
});

Deno.test("stack() refuses no images, other shapes and arrays without a shape", () => {
  assertThrows(() => stack([]), ShapeError, "there are no images to stack");
  const turned = imageTensor(new Float32Array(18), [3, 3, 2]);
  assertThrows(() => stack([planes(0), turned]), ShapeError, "image 1 is [3, 3, 2], image 0 is [3, 2, 3]");
  const plain = planes(0).slice() as ImageTensor;
  assertThrows(() => stack([planes(0), plain]), ShapeError, "image 1 carries no shape");
  assertThrows(() => imageTensor(new Float32Array(17), [3, 2, 3]), ShapeError, "17 numbers, expected 18");
});
