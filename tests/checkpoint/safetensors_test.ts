import { assertEquals, assertRejects } from "@std/assert";
import { cast, toFloat32 } from "../../src/checkpoint/tensors/float32.ts";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { encodeSafetensorsHeader, readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { fromBlob, fromBytes, fromFile } from "../../src/checkpoint/source/source.ts";
import type { StateDict, Tensor } from "../../src/checkpoint/tensors/state_dict.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { CheckpointError } from "../../src/errors.ts";
import { describe, fixture, ramp, safetensors } from "./support.ts";
import { withFolder } from "../support/folders.ts";

function tensor(dtype: Tensor["dtype"], shape: number[], values: ArrayBufferView<ArrayBuffer>): Tensor {
  return { dtype, shape, read: () => Promise.resolve(new Uint8Array(values.buffer)) };
}

Deno.test("`readSafetensors()` reads what the safetensors library writes, from a file, a Blob and a buffer", async () => {
  const bytes = await Deno.readFile(fixture("bare.safetensors"));
  const file = await fromFile(fixture("bare.safetensors"));
  for (const source of [file, fromBlob("blob", new Blob([bytes])), fromBytes("bytes", bytes)]) {
    const { tensors, metadata } = await readSafetensors(source);
    assertEquals(metadata, { format: "pt", architecture: "net" });
    assertEquals(tensors.size, 6);
    assertEquals([...await toFloat32(tensors.get("conv.weight")!)], ramp(54));
  }
  file.close?.();
});

Deno.test("`toFloat32()` and `cast()` round as PyTorch does", async () => {
  const source = await fromFile(fixture("rounding.safetensors"));
  const { tensors } = await readSafetensors(source);
  const read = async (name: string) => (await tensors.get(name)!.read()).toHex();
  const casts = [
    ["f32", "F16", "f32_as_f16"],
    ["f64", "F32", "f64_as_f32"],
    ["f64", "F16", "f64_as_f16"],
    ["f32_as_f16", "F32", "f16_as_f32"],
    ["f32_as_bf16", "F32", "bf16_as_f32"],
  ] as const;
  for (const [from, dtype, to] of casts) {
    const bytes = await cast(from, tensors.get(from)!, dtype).read();
    // NaN has many bit patterns; those of PyTorch and JavaScript can differ.
    const values = dtype === "F16" ? new Float16Array(bytes.buffer) : new Float32Array(bytes.buffer);
    const wanted = await tensors.get(to)!.read();
    const expected = dtype === "F16" ? new Float16Array(wanted.buffer) : new Float32Array(wanted.buffer);
    assertEquals([...values], [...expected], `${from} as ${dtype}`);
    assertEquals(bytes.length, wanted.length);
  }
  assertEquals((await cast("f32", tensors.get("f32")!, "F32").read()).toHex(), await read("f32"));
  source.close?.();
});

Deno.test("`cast()` names the tensor when a number is beyond float16, and leaves integers alone", async () => {
  const large = tensor("F32", [2], Float32Array.of(1, 70000));
  await assertRejects(() => cast("bn.running_var", large, "F16").read(), CheckpointError, "bn.running_var: 70000");
  const count = tensor("I64", [], BigInt64Array.of(3n));
  assertEquals(cast("n", count, "F16"), count);
});

Deno.test("`writeSafetensors()` keeps names, order and values, aligned, and replaces the file at once", () =>
  withFolder(async (folder) => {
    const path = `${folder}/out.safetensors`;
    await Deno.writeTextFile(path, "what was there before");
    const tensors: StateDict = new Map([
      ["b.weight", tensor("F32", [3], Float32Array.of(1, 2, 3))],
      ["b.count", tensor("I64", [], BigInt64Array.of(7n))],
      ["10", tensor("F64", [2, 1], Float64Array.of(0.5, -0.5))],
      ["2", tensor("U8", [3], Uint8Array.of(1, 2, 3))],
      ["empty", tensor("F32", [0, 4], new Float32Array())],
    ]);
    const steps: number[] = [];
    await writeSafetensors(path, tensors, { note: "é" }, { onProgress: (done) => steps.push(done) });
    const source = await fromFile(path);
    const { tensors: read, metadata } = await readSafetensors(source);
    assertEquals(metadata, { note: "é" });
    assertEquals(describe(read).toSorted(), describe(tensors).toSorted());
    for (const [name, wanted] of tensors) assertEquals(await read.get(name)!.read(), await wanted.read(), name);
    assertEquals(steps.at(-1), source.size);
    source.close?.();
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out.safetensors"]);

    const { header } = encodeSafetensorsHeader(tensors, {});
    const entries = JSON.parse(new TextDecoder().decode(header.subarray(8)));
    assertEquals(header.length % 8, 0);
    for (const [name, width] of [["b.weight", 4], ["b.count", 8], ["10", 8]] as const) {
      assertEquals(entries[name].data_offsets[0] % width, 0, name);
    }
  }));

Deno.test("`writeSafetensors()` leaves nothing new behind when a tensor cannot be read", () =>
  withFolder(async (folder) => {
    const path = `${folder}/out.safetensors`;
    await Deno.writeTextFile(path, "what was there before");
    const tensors: StateDict = new Map([
      ["a", tensor("F32", [1], Float32Array.of(1))],
      ["b", tensor("F32", [2], Float32Array.of(1))],
    ]);
    await assertRejects(() => writeSafetensors(path, tensors, {}), CheckpointError, "b: 8 bytes expected, 4 read");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out.safetensors"]);
    assertEquals(await Deno.readTextFile(path), "what was there before");
  }));

Deno.test("`openCheckpoint()` joins the shards that an index names, in the index's order", async () => {
  const checkpoint = await openCheckpoint(fixture("model.safetensors.index.json"));
  assertEquals(checkpoint.format, "sharded");
  assertEquals([...checkpoint.tensors.keys()].slice(0, 2), ["conv.weight", "bn.weight"]);
  assertEquals([...await toFloat32(checkpoint.tensors.get("conv.weight")!)], ramp(54));
  assertEquals([...await toFloat32(checkpoint.tensors.get("bn.running_var")!)], ramp(3));
  assertEquals((await checkpoint.sha256()).length, 64);
  checkpoint.close();
});

Deno.test("`openCheckpoint()` refuses an index that leads elsewhere, lies or lacks its shards", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.safetensors.index.json`;
    await Deno.copyFile(fixture("bare.safetensors"), `${folder}/a.safetensors`);
    const cases: [map: Record<string, unknown>, message: string][] = [
      [{ "conv.weight": "../a.safetensors" }, "not a file's plain name"],
      [{ "conv.weight": "/etc/passwd" }, "not a file's plain name"],
      [{ "conv.weight": ".." }, "not a file's plain name"],
      [{ "conv.weight": 3 }, "not a file's plain name"],
      [{}, "weight_map is empty"],
      [{ "conv.weight": "b.safetensors" }, "there is no such file"],
      [{ "other.weight": "a.safetensors" }, "other.weight should lie in a.safetensors"],
      [{ "conv.weight": "a.safetensors" }, "which the index does not say"],
    ];
    for (const [weight_map, message] of cases) {
      await Deno.writeTextFile(path, JSON.stringify({ weight_map }));
      await assertRejects(() => openCheckpoint(path), CheckpointError, message);
    }
    await Deno.writeTextFile(path, '{ "weights": {} }');
    await assertRejects(() => openCheckpoint(path), CheckpointError, "it has no weight_map");
  }));

const F32 = { dtype: "F32", shape: [2], data_offsets: [0, 8] };

/** Files that are not what they claim, and what the error says of each. */
const HOSTILE: readonly (readonly [what: string, file: Uint8Array<ArrayBuffer>, message: string])[] = [
  ["empty", new Uint8Array(0), "too short"],
  ["a header beyond the file", safetensors({ a: F32 }, 8, 4096), "its header claims 4096 bytes"],
  ["a header of 2^63 bytes", safetensors({ a: F32 }, 8, 2n ** 63n), "its header claims"],
  ["no JSON", safetensors("{hello}", 8), "not JSON"],
  ["a list", safetensors([], 0), "not a JSON object"],
  ["bytes that are not UTF-8", safetensors("{}", 0).map((b, i) => i === 9 ? 0xff : b), "not JSON"],
  ["a name twice", safetensors('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"\\u0061":{}}', 4), '"a" twice'],
  ["a type that is none", safetensors({ a: { ...F32, dtype: 31 } }, 8), "the type 31"],
  ["a type without an end", safetensors({ a: { ...F32, dtype: "F".repeat(999) } }, 8), "the type"],
  [
    "an unknown type backwards",
    safetensors({ a: { ...F32, dtype: "F31", data_offsets: [8, 0] } }, 8),
    "before it begins",
  ],
  ["an unknown type beyond the file", safetensors({ a: { ...F32, dtype: "F31" } }, 4), "the file has 4"],
  ["a type from Object", safetensors({ a: { ...F32, dtype: "toString" } }, 8), 'the type "toString"'],
  ["a negative extent", safetensors({ a: { ...F32, shape: [-2] } }, 8), "the shape [-2]"],
  ["an extent that is no whole number", safetensors({ a: { ...F32, shape: [1.5] } }, 8), "the shape [1.5]"],
  ["more than 2^53 elements", safetensors({ a: { ...F32, shape: [2 ** 52, 2 ** 52] } }, 8), "takes"],
  ["offsets that do not fit the shape", safetensors({ a: { ...F32, shape: [3] } }, 8), "takes 12 bytes"],
  ["offsets beyond the file", safetensors({ a: F32 }, 4), "the file has 4"],
  ["offsets backwards", safetensors({ a: { ...F32, data_offsets: [8, 0] } }, 8), "its offsets give -8"],
  ["overlapping tensors", safetensors({ a: F32, b: { ...F32, data_offsets: [4, 12] } }, 12), "inside another tensor"],
  ["a gap", safetensors({ a: F32, b: { ...F32, data_offsets: [12, 20] } }, 20), "behind a gap"],
  ["bytes of no tensor", safetensors({ a: F32 }, 9), "the file has 9"],
  ["metadata of numbers", safetensors({ __metadata__: { a: 1 }, a: F32 }, 8), "names to strings"],
];

for (const [what, file, message] of HOSTILE) {
  Deno.test(`\`readSafetensors()\` refuses a file when it has ${what}`, async () => {
    await assertRejects(() => readSafetensors(fromBytes("hostile", file)), CheckpointError, message);
  });
}

Deno.test("`readSafetensors()` keeps a tensor called __proto__ to itself", async () => {
  const file = safetensors('{"__proto__":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8);
  const { tensors } = await readSafetensors(fromBytes("proto", file));
  assertEquals(describe(tensors), ["__proto__ F32 [2]"]);
  assertEquals(({} as Record<string, unknown>).dtype, undefined);
});

Deno.test("`readSafetensors()` refuses a file when it is cut off anywhere", async () => {
  const file = await Deno.readFile(fixture("bare.safetensors"));
  for (let length = 0; length < file.length; length += 7) {
    await assertRejects(() => readSafetensors(fromBytes("cut", file.subarray(0, length))), CheckpointError);
  }
});
