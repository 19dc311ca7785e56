import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { toFloat32 } from "../../src/checkpoint/tensors/float32.ts";
import { type Checkpoint, openCheckpoint } from "../../src/checkpoint/open.ts";
import type { Tensor } from "../../src/checkpoint/tensors/state_dict.ts";
import { CheckpointError } from "../../src/errors.ts";
import { describe, fixture, NET, ramp } from "./support.ts";

async function withCheckpoint(name: string, check: (c: Checkpoint) => Promise<void>, key?: string): Promise<void> {
  const checkpoint = await openCheckpoint(fixture(name), { key });
  try {
    await check(checkpoint);
  } finally {
    checkpoint.close();
  }
}

async function floats(tensor: Tensor): Promise<number[]> {
  return [...await toFloat32(tensor)];
}

const FORMS = [["", "torch zip"], ["legacy_", "torch legacy"]] as const;

for (const [prefix, format] of FORMS) {
  for (const file of ["bare.pth", "training.pth.tar"]) {
    Deno.test(`\`openCheckpoint()\` reads PyTorch's tensors when given ${prefix}${file}`, () =>
      withCheckpoint(prefix + file, async (checkpoint) => {
        assertEquals(checkpoint.format, format);
        assertEquals(checkpoint.name, prefix + file);
        assertEquals(describe(checkpoint.tensors), NET);
        assertEquals(await floats(checkpoint.tensors.get("conv.weight")!), ramp(54));
        assertEquals(await floats(checkpoint.tensors.get("bn.bias")!), ramp(3));
        const counter = await checkpoint.tensors.get("bn.num_batches_tracked")!.read();
        assertEquals(new BigInt64Array(counter.slice().buffer)[0], -20n);
      }));
  }

  Deno.test(`\`openCheckpoint()\` reads every element type when given ${prefix}dtypes.pth`, () =>
    withCheckpoint(`${prefix}dtypes.pth`, async ({ tensors }) => {
      const wanted = "F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL".split(" ");
      assertEquals(describe(tensors), wanted.map((dtype) => `${dtype}.weight ${dtype} [3, 7]`));
      const read = async (dtype: string) => (await tensors.get(`${dtype}.weight`)!.read()).slice();
      for (const dtype of ["F64", "F32", "F16", "BF16"]) {
        assertEquals(await floats(tensors.get(`${dtype}.weight`)!), ramp(21));
      }
      assertEquals([...new BigInt64Array((await read("I64")).buffer)].map(Number), ramp(21));
      assertEquals([...new Int32Array((await read("I32")).buffer)], ramp(21));
      assertEquals([...new Int16Array((await read("I16")).buffer)], ramp(21));
      assertEquals([...new Int8Array((await read("I8")).buffer)], ramp(21));
      assertEquals([...await read("U8")], ramp(21).map((x) => x + 20));
      assertEquals([...await read("BOOL")], ramp(21).map((x) => Number(x > 0)));
      await assertRejects(() => toFloat32(tensors.get("I64.weight")!), CheckpointError, "this one is I64");
    }));

  Deno.test(`\`openCheckpoint()\` puts strided and shared tensors in order when given ${prefix}strided.pth`, () =>
    withCheckpoint(`${prefix}strided.pth`, async ({ tensors }) => {
      const at = (row: number, column: number) => row * 4 + column - 20;
      const grid = (rows: number[], columns: number[]) => rows.flatMap((r) => columns.map((c) => at(r, c)));
      const expected: [string, number[], number[]][] = [
        ["base.weight", [6, 4], ramp(24)],
        ["base.transposed", [4, 6], [0, 1, 2, 3].flatMap((c) => [0, 1, 2, 3, 4, 5].map((r) => at(r, c)))],
        ["base.columns", [6, 2], grid([0, 1, 2, 3, 4, 5], [1, 2])],
        ["base.rows", [2, 4], grid([2, 3], [0, 1, 2, 3])],
        ["base.steps", [3, 2], grid([0, 2, 4], [0, 3])],
        ["base.repeated", [3, 4], grid([1, 1, 1], [0, 1, 2, 3])],
        ["base.channels_last", [2, 3, 2, 2], ramp(24)],
        ["base.scalar", [], [-20]],
        ["base.empty", [0, 3], []],
        ["base.parameter", [5], ramp(5)],
      ];
      assertEquals([...tensors.keys()], expected.map(([name]) => name));
      for (const [name, shape, values] of expected) {
        assertEquals(tensors.get(name)!.shape, shape);
        assertEquals(await floats(tensors.get(name)!), values, name);
      }
    }));
}

Deno.test("`openCheckpoint()` finds the state dict beside arguments, numpy numbers and sizes", async () => {
  for (const file of ["model_key.pth", "ema.pth"]) {
    await withCheckpoint(file, async ({ tensors }) => {
      assertEquals(describe(tensors), NET);
      assertEquals(await floats(tensors.get("bn.weight")!), ramp(3));
    });
  }
});

Deno.test("`openCheckpoint()` takes the state dict that is asked for when there are several", async () => {
  await withCheckpoint("both.pth", async ({ tensors, others }) => {
    assertEquals(others, ["state_dict_ema"]);
    assertEquals(await floats(tensors.get("bn.weight")!), ramp(3));
  });
  const ema = (c: Checkpoint) => floats(c.tensors.get("bn.weight")!).then((v) => assertEquals(v, [-19, -18, -17]));
  await withCheckpoint("both.pth", ema, "state_dict_ema");
  const wrong = await assertRejects(() => openCheckpoint(fixture("both.pth"), { key: "x" }), CheckpointError);
  assertStringIncludes(wrong.message, 'no state dict under "x" in it; it holds state_dict, state_dict_ema');
});

Deno.test("`openCheckpoint()` reads the state dict of a whole model without its class", () =>
  withCheckpoint("whole_model.pth", async ({ tensors }) => {
    assertEquals(describe(tensors), NET);
    assertEquals(await floats(tensors.get("conv.weight")!), ramp(54));
  }));

Deno.test("`openCheckpoint()` reads only the state dict's tensors, never the optimizer's", async () => {
  for (const prefix of ["", "legacy_"]) {
    const path = fixture(`${prefix}training.pth.tar`);
    const whole = await Deno.readFile(path);
    const reads: [number, number][] = [];
    const checkpoint = await openCheckpoint({
      name: "counted",
      size: whole.length,
      read(offset, length) {
        reads.push([offset, length]);
        return Promise.resolve(whole.slice(offset, offset + length));
      },
    });
    const before = reads.length;
    for (const tensor of checkpoint.tensors.values()) await tensor.read();
    const weights = reads.slice(before).filter(([, length]) => length === 54 * 4);
    assertEquals(weights.length, 1, "the momentum of conv.weight has its size too");
  }
});

Deno.test("`openCheckpoint()` answers the file's SHA-256", () =>
  withCheckpoint("bare.pth", async (checkpoint) => {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(fixture("bare.pth"))));
    assertEquals(await checkpoint.sha256(), digest.toHex());
  }));
