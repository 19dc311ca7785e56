import { assert, assertEquals, assertThrows } from "@std/assert";
import { augment, type Augmentation, augmentationKey, cropWindow } from "../../src/data/pixels/augment.ts";
import { DecodePool } from "../../src/data/pool/decode_pool.ts";
import type { RgbImage } from "../../src/data/pixels/image.ts";
import { CIFAR10, normalize } from "../../src/data/pixels/preprocessing.ts";
import { resize } from "../../src/data/pixels/resize.ts";
import { DataError } from "../../src/errors.ts";
import { formulaImage } from "./formula_image.ts";

const pixel = ({ width, data }: RgbImage, x: number, y: number) => [...data.subarray((y * width + x) * 3).slice(0, 3)];

/** Returns a generator that yields the given numbers one after the other. */
function script(...numbers: number[]): () => number {
  return () => {
    assert(numbers.length > 0, "more numbers are drawn than expected");
    return numbers.shift()!;
  };
}

Deno.test("cropWindow() places a window of the drawn area and aspect ratio, as RandomResizedCrop does", () => {
  // Area: 0.08 + 0.92 / 2 of 100 x 80; ratio exp(log 3/4 + half of the way to log 4/3) = 1: a square of side 65.7.
  const size = { width: 100, height: 80 };
  assertEquals(cropWindow(size, script(0.5, 0.5, 0, 0)), { left: 0, top: 0, width: 66, height: 66 });
  // Top is drawn before left, among height - h + 1 and width - w + 1 places.
  assertEquals(cropWindow(size, script(0.5, 0.5, 0.5, 0.999)), { left: 34, top: 7, width: 66, height: 66 });
  // The whole area at 4:3 is 103 wide: drawn again.
  assertEquals(cropWindow(size, script(1, 1, 0, 0.5, 0, 0)), { left: 0, top: 0, width: 25, height: 25 });
});

Deno.test("cropWindow() takes the largest allowed window in the middle when ten attempts do not fit", () => {
  const whole = () => 1 - 2 ** -32;
  assertEquals(cropWindow({ width: 300, height: 30 }, whole), { left: 130, top: 0, width: 40, height: 30 });
  assertEquals(cropWindow({ width: 30, height: 300 }, whole), { left: 0, top: 130, width: 30, height: 40 });
});

Deno.test("cropWindow() keeps to the image, to 8-100 % of it and to 3:4-4:3, and comes everywhere", () => {
  let smallest = 1, widest = 0, tallest = Infinity, right = 0;
  for (let key = 0; key < 2000; key++) {
    let draw = 0;
    const next = () => augmentationKey(key, 0, draw++) / 2 ** 32;
    const { left, top, width, height } = cropWindow({ width: 640, height: 480 }, next);
    assert(left >= 0 && top >= 0 && left + width <= 640 && top + height <= 480);
    smallest = Math.min(smallest, width * height / (640 * 480));
    widest = Math.max(widest, width / height);
    tallest = Math.min(tallest, width / height);
    right = Math.max(right, left + width);
  }
  assert(smallest > 0.079 && smallest < 0.09, `${smallest}`);
  assert(widest < 1.35 && widest > 1.3, `${widest}`);
  assert(tallest > 0.74 && tallest < 0.77, `${tallest}`);
  assertEquals(right, 640);
});

Deno.test("augment() gives a crop of the asked size, the resized window or its mirror image", () => {
  const image = formulaImage(90, 70);
  const outcomes = new Set<string>();
  for (let key = 0; key < 40; key++) {
    const { width, height, data } = augment(image, { crop: "resized", size: 24, key }, "image");
    assertEquals([width, height, data.length], [24, 24, 24 * 24 * 3]);
    outcomes.add(data.join());
  }
  assertEquals(outcomes.size, 40);
  // Of one pixel every window is that pixel.
  const grey = { width: 1, height: 1, data: Uint8Array.of(10, 20, 30) };
  assertEquals(augment(grey, { crop: "resized", size: 3, key: 5 }, "grey"), resize(grey, 3, 3));
});

Deno.test("augment() shifts a padded image by up to four pixels and mirrors half of them", () => {
  const image = formulaImage(32, 32);
  const seen = new Set<string>();
  for (let index = 0; index < 3000; index++) {
    const result = augment(image, { crop: "padded", size: 32, key: augmentationKey(1, 2, index) }, "image");
    const shifts = [];
    for (let shift = 0; shift < 162; shift++) {
      const [dx, dy, mirrored] = [shift % 9 - 4, Math.floor(shift / 9) % 9 - 4, shift >= 81];
      const matches = [[5, 6], [20, 9], [0, 0], [31, 31], [0, 31], [31, 0]].every(([x, y]) => {
        const [fromX, fromY] = [(mirrored ? 31 - x : x) + dx, y + dy];
        const inside = fromX >= 0 && fromX < 32 && fromY >= 0 && fromY < 32;
        return pixel(result, x, y).join() === (inside ? pixel(image, fromX, fromY) : [0, 0, 0]).join();
      });
      if (matches) shifts.push(`${dx},${dy},${mirrored}`);
    }
    assertEquals(shifts.length, 1);
    seen.add(shifts[0]);
  }
  assertEquals(seen.size, 162);
});

Deno.test("augment() refuses an image too small for its crop, naming it", () => {
  const small = formulaImage(20, 40);
  const error = assertThrows(() => augment(small, { crop: "padded", size: 32, key: 0 }, "a/b.png"), DataError);
  assertEquals(error.message, "a/b.png: 20x40 pixels, too few for a crop of 32x32 padded by 4");
});

Deno.test("augmentationKey() depends on the seed, the epoch and the image", () => {
  const keys = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]].map(([s, e, i]) => augmentationKey(s, e, i));
  assertEquals(new Set(keys).size, 5);
  assertEquals(augmentationKey(1, 2, 3), augmentationKey(1, 2, 3));
  assert(augmentationKey(1, 2, 3) !== augmentationKey(1, 3, 2));
});

Deno.test("DecodePool augments alike whatever the number of threads and the order of work", async () => {
  const image = formulaImage(40, 36);
  const keys = [7, 8, 9, 10];
  const of = (key: number): Augmentation => ({ crop: "resized", size: 16, key });
  using one = new DecodePool(1);
  using two = new DecodePool(2);
  const forwards = await Promise.all(keys.map((key) => two.preprocess(image, CIFAR10, "image", of(key))));
  const backwards = await Promise.all(keys.toReversed().map((key) => one.preprocess(image, CIFAR10, "image", of(key))));
  assertEquals(forwards, backwards.toReversed());
  assertEquals(forwards[0], normalize(augment(image, of(7), "image"), CIFAR10));
});
