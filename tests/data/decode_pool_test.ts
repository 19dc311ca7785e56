import { assertEquals, assertRejects } from "@std/assert";
import { decodeImage } from "../../src/data/decoding/decode.ts";
import { DecodePool } from "../../src/data/pool/decode_pool.ts";
import { IMAGENET, preprocess } from "../../src/data/pixels/preprocessing.ts";
import { DataError } from "../../src/errors.ts";
import { readFixture, sha256 } from "./expected.ts";

const names = ["65x49_420_baseline.jpg", "cmyk_plain.jpg", "photo.png", "lossy.webp"];

Deno.test("DecodePool gives what decoding and preprocessing give on the caller's thread", async () => {
  using pool = new DecodePool(2);
  const inputs = await Promise.all(
    names.map(async (name) => pool.preprocess(await readFixture(name), IMAGENET, name)),
  );
  for (const [i, name] of names.entries()) {
    const image = await decodeImage(await readFixture(name), name);
    assertEquals(await sha256(inputs[i]), await sha256(preprocess(image, IMAGENET)), name);
    // Decoded pixels give the same result as the file.
    assertEquals(await sha256(await pool.preprocess(image, IMAGENET, name)), await sha256(inputs[i]), name);
  }
});

Deno.test("DecodePool reports a broken image by its name and goes on with the others", async () => {
  using pool = new DecodePool(1);
  const whole = await readFixture("grey.jpg");
  const broken = pool.preprocess(whole.slice(0, 100), IMAGENET, "val/broken.jpg");
  const good = pool.preprocess(whole, IMAGENET, "val/good.jpg");
  await assertRejects(() => broken, DataError, "val/broken.jpg: broken JPEG");
  assertEquals((await good).length, 3 * 224 * 224);
});

Deno.test("DecodePool rejects what is still waiting when it is closed", async () => {
  const pool = new DecodePool(1);
  const waiting = pool.preprocess(await readFixture("photo.png"), IMAGENET, "photo.png");
  pool.close();
  await assertRejects(() => waiting, Error, "closed");
});
