/** Tests properties that hold for every file, with a few hundred files made from seeds. */

import { assert, assertEquals } from "@std/assert";
import { duplicateKey } from "../../src/checkpoint/safetensors/json_keys.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { fromFile } from "../../src/checkpoint/source/source.ts";
import { type DType, DTYPE_BYTES, type StateDict } from "../../src/checkpoint/tensors/state_dict.ts";
import { StridedTensor } from "../../src/checkpoint/torch/strided_tensor.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { CheckpointError } from "../../src/errors.ts";
import { formatReport, makeReport } from "../../src/evaluation/report.ts";
import { parseReport } from "../../src/evaluation/report_file.ts";
import { excerpt } from "../../src/excerpt.ts";
import { FORMATS } from "./formats.ts";
import { Random } from "./random.ts";

const TEXTS = ["a", "0", "7", "__proto__", "constructor", "weight", "ü.ö", "😀", '"', "\\", "\n", " ", ""] as const;
const text = (random: Random) => Array.from({ length: random.below(4) + 1 }, () => random.of(TEXTS)).join(".");
const bytes = (random: Random, length: number) => Uint8Array.from({ length }, () => random.below(256));
const product = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

Deno.test("`readSafetensors()` reads whatever `writeSafetensors()` writes: names, order, types, shapes and bytes", async () => {
  const folder = await Deno.makeTempDir();
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random("safetensors", seed);
    const tensors: StateDict = new Map();
    for (let n = random.below(12); n > 0; n--) {
      const dtype = random.of(Object.keys(DTYPE_BYTES) as DType[]);
      const shape = Array.from({ length: random.below(4) }, () => random.below(5));
      const data = bytes(random, product(shape) * DTYPE_BYTES[dtype]);
      tensors.set(text(random), { dtype, shape, read: () => Promise.resolve(data) });
    }
    const metadata = Object.fromEntries(Array.from({ length: random.below(3) }, () => [text(random), text(random)]));
    await writeSafetensors(`${folder}/x`, tensors, metadata);
    const source = await fromFile(`${folder}/x`);
    const read = await readSafetensors(source);
    assertEquals(read.metadata, metadata, `seed ${seed}`);
    // Names that look like numbers come first: JSON.parse puts them there.
    assertEquals([...read.tensors.keys()].sort(), [...tensors.keys()].sort(), `seed ${seed}`);
    for (const [name, { dtype, shape, read: bytesOf }] of tensors) {
      const found = read.tensors.get(name)!;
      assertEquals([found.dtype, found.shape], [dtype, shape]);
      assertEquals(new Uint8Array(await found.read()), await bytesOf());
    }
    source.close?.();
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a `StridedTensor` is refused, or its elements are those that its strides say and none beside its storage", async () => {
  let read = 0, refused = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const random = new Random("strides", seed);
    const length = random.below(40);
    const data = bytes(random, length);
    const storage = {
      name: "s",
      dtype: "U8" as const,
      length,
      read(offset: number, count: number) {
        assert(offset >= 0 && count >= 0 && offset + count <= length, `seed ${seed}: ${offset}, ${count} of ${length}`);
        return Promise.resolve(data.slice(offset, offset + count));
      },
    };
    const axes = random.below(4);
    const numbers = (most: number) =>
      Array.from({ length: axes }, () => random.below(most) - (random.below(40) ? 0 : 1));
    const shape = numbers(5), strides = numbers(8), offset = random.below(10);
    try {
      const found = await new StridedTensor(storage, "U8", shape, strides, offset).read();
      const expected = Array.from({ length: product(shape) }, (_, i) => {
        let at = offset;
        for (let axis = axes - 1; axis >= 0; axis--) {
          at += i % shape[axis] * strides[axis];
          i = Math.floor(i / shape[axis]);
        }
        return data[at];
      });
      assertEquals([...found], expected, `seed ${seed}`);
      read++;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      refused++;
    }
  }
  assert(read > 200 && refused > 200, `${read} read, ${refused} refused`);
});

Deno.test("`duplicateKey()` finds a name that an object's text gives twice, however it is spelled, and no other", () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = new Random("keys", seed);
    const keys = Array.from({ length: random.below(6) }, () => text(random));
    const spelled = (key: string) =>
      random.below(2) ? JSON.stringify(key) : `"${[...key].map((c) => c.length > 1 ? c : unicode(c)).join("")}"`;
    const values = ['{"a":1,"a":[{"a":2}]}', '"a\\""', "[]", '"{"', "null"];
    const json = `{ ${keys.map((key) => `${spelled(key)} : ${random.of(values)}`).join(" ,\n")} }`;
    const first = keys.find((key, i) => keys.indexOf(key) < i);
    assertEquals(duplicateKey(json), first, json);
  }
});

function unicode(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

Deno.test("`parseReport()` reads whatever `formatReport()` writes, to the last bit", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random("report", seed);
    const number = () => (random.below(2 ** 31) - 2 ** 30) / 2 ** random.below(60);
    const predictions = Array.from({ length: 1 + random.below(9) }, () => ({
      file: text(random),
      label: random.below(1000),
      loss: number(),
      top5: Array.from(
        { length: random.below(6) },
        () => ({ class: random.below(1000), logit: Math.fround(number()) }),
      ),
    }));
    const weights = { path: text(random), sha256: text(random) };
    const context = {
      model: text(random),
      kernelNum: 1 + random.below(8),
      device: text(random),
      dataset: text(random),
    };
    const skipped = Array.from({ length: random.below(3) }, () => text(random));
    const report = makeReport({ ...context, weights, skipped, seconds: 1 + random.below(9) }, predictions);
    assertEquals(parseReport(JSON.parse(formatReport(report)), "r"), { ...report });
  }
});

Deno.test("`excerpt()` is short and never throws, whatever it is given", () => {
  let doubled: unknown = [];
  for (let i = 0; i < 100; i++) doubled = [doubled, doubled, new Map([[doubled, 1]])];
  const self: unknown[] = [];
  self.push(self);
  const values = [
    ...[doubled, self, 1n << 5000n, NaN, null, undefined, Symbol("s"), () => 1, "x".repeat(1e6), Object.create(null)],
    ...[Array(1e6).fill("x".repeat(1000)), { toString: 1 }, new Uint8Array(1e6)],
  ];
  for (const value of values) assert(excerpt(value).length < 2000);
});

Deno.test("every reader refuses files that end early with its own error, or reads what is whole, at every 1% of their length", async () => {
  const folder = await Deno.makeTempDir();
  for (const [name, { seeds, read, error: expected }] of Object.entries(FORMATS)) {
    let refused = 0;
    const files = (await seeds()).slice(0, 3);
    for (const file of files) {
      for (let percent = 0; percent < 100; percent++) {
        try {
          await read(file.slice(0, Math.floor(file.length * percent / 100)), folder);
        } catch (error) {
          assert(error instanceof expected, `${name} at ${percent}%: ${(error as Error).stack}`);
          refused++;
        }
      }
      await read(file, folder);
    }
    // Texts and tar archives may end after any line or member, a PNG of 69 bytes before its end chunk, an animated GIF
    // behind its first frame; a journal and metrics anywhere.
    const most = { journal: 0, metrics: 0, tar: 15, "ground-truth": 90, png: 80, gif: 70 }[name] ?? 97;
    assert(refused >= most * files.length, `${name}: ${refused} of ${100 * files.length} refused`);
  }
  await Deno.remove(folder, { recursive: true });
});
