import { assert, assertEquals } from "@std/assert";
import { FORMATS } from "./formats.ts";
import { Random } from "./random.ts";
import { mutate } from "./mutate.ts";
import { fuzz } from "./run.ts";

/** `deno task fuzz` reads more files. */
const INPUTS = 400;

for (const format of Object.keys(FORMATS)) {
  Deno.test(`reading ${format} answers or refuses, in time and in little memory, when files are damaged`, async () => {
    const { read, refused, failures } = await fuzz({ format, seed: 1, inputs: INPUTS });
    assertEquals(failures, []);
    assertEquals(read + refused, INPUTS);
    // Damage that is never noticed, or files that are never read, would mean that nothing is tried.
    assert(refused > INPUTS / 10 && read > 0, `${refused} refused, ${read} read`);
  });
}

Deno.test("`mutate()` makes the same inputs from the same seed, and others from another", async () => {
  const seeds = await FORMATS.safetensors.seeds();
  const make = (seed: number) => Array.from({ length: 50 }, (_, i) => mutate(seeds, new Random(seed, i)));
  assertEquals(make(1), make(1));
  assert(make(1).some((bytes, i) => bytes.length !== make(2)[i].length));
});
