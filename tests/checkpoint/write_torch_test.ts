import { assert, assertEquals, assertRejects } from "@std/assert";
import { crc32 } from "node:zlib";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { OrderedDict, type Picklable, PickleWriter, Tuple } from "../../src/checkpoint/write/pickle.ts";
import { readPickle } from "../../src/checkpoint/pickle/pickle.ts";
import { PickleGlobal } from "../../src/checkpoint/pickle/global.ts";
import {
  type ByteSource,
  type DType,
  DTYPE_BYTES,
  type StateDict,
  type Tensor,
} from "../../src/checkpoint/tensors/state_dict.ts";
import { readTorchZip } from "../../src/checkpoint/torch/torch_zip.ts";
import { fromBytes } from "../../src/checkpoint/source/source.ts";
import { writeTorch } from "../../src/checkpoint/write/torch.ts";
import { readZip, zipDataOffset } from "../../src/checkpoint/torch/zip.ts";
import { ALIGNMENT, directory, localHeader, type ZipRecord } from "../../src/checkpoint/write/zip.ts";
import { CheckpointError } from "../../src/errors.ts";
import { describe, fixture } from "./support.ts";

async function withFile(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(`${folder}/x.pth`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A tensor of bytes 0, 1, 2, ... from `first`. */
function tensor(dtype: DType, shape: number[], first = 0): Tensor {
  const bytes = new Uint8Array(shape.reduce((n, d) => n * d, DTYPE_BYTES[dtype])).map((_, i) => i + first);
  return { dtype, shape, read: () => Promise.resolve(bytes) };
}

async function contents(tensors: StateDict): Promise<string[]> {
  return await Promise.all([...tensors.values()].map(async (t) => (await t.read()).toHex()));
}

/** The globals that a pickle names, sorted. */
function globalsOf(pickle: Uint8Array<ArrayBuffer>): string[] {
  const named = new Set<string>();
  const globals = new class extends Map<string, PickleGlobal> {
    override get(name: string): PickleGlobal {
      named.add(name);
      return new PickleGlobal(name, () => new Map());
    }
  }();
  readPickle(pickle, { source: "test", globals, persistent: () => null });
  return [...named].sort();
}

for (const name of ["bare.pth", "dtypes.pth", "strided.pth", "legacy_dtypes.pth", "bare.safetensors"]) {
  Deno.test(`\`writeTorch()\` writes the tensors of ${name} so that they are read back byte for byte, in order`, () =>
    withFile(async (path, folder) => {
      const original = await openCheckpoint(fixture(name));
      await writeTorch(path, new OrderedDict<Tensor>(original.tensors));
      const copy = await openCheckpoint(path);
      assertEquals(copy.format, "torch zip");
      assertEquals(describe(copy.tensors), describe(original.tensors));
      assertEquals(await contents(copy.tensors), await contents(original.tensors));
      assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name), ["x.pth"]);
      original.close();
      copy.close();
    }));
}

Deno.test("`writeTorch()` reads one tensor at a time, each once, and says how far it is", () =>
  withFile(async (path) => {
    let reading = 0;
    const order: string[] = [], progress: [number, number][] = [];
    const watched = (name: string): [string, Tensor] => [name, {
      dtype: "F32",
      shape: [100],
      async read() {
        assertEquals(++reading, 1);
        order.push(name);
        await Promise.resolve();
        reading--;
        return new Uint8Array(400);
      },
    }];
    const dict = new OrderedDict<Tensor>([watched("b.weight"), watched("a.weight")]);
    await writeTorch(path, dict, { onProgress: (done, total) => progress.push([done, total]) });
    assertEquals(order, ["b.weight", "a.weight"]);
    const [, total] = progress[0];
    assertEquals(progress.at(-1), [total, total]);
    assertEquals(progress.map(([done]) => done), progress.map(([done]) => done).toSorted((a, b) => a - b));
  }));

Deno.test("`writeTorch()` leaves the old file alone and nothing behind when a tensor cannot be read", () =>
  withFile(async (path, folder) => {
    await Deno.writeTextFile(path, "old");
    const short: Tensor = { dtype: "F32", shape: [2], read: () => Promise.resolve(new Uint8Array(4)) };
    await assertRejects(
      () => writeTorch(path, new Map<string, Tensor>([["a.weight", tensor("F32", [3])], ["b.weight", short]])),
      CheckpointError,
      "archive/data/1: 8 bytes expected, 4 read",
    );
    assertEquals(await Deno.readTextFile(path), "old");
    assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name), ["x.pth"]);
  }));

Deno.test("`writeTorch()` names only globals that weights_only allows, and aligns every entry", () =>
  withFile(async (path) => {
    const dict = new OrderedDict<Tensor>([["a", tensor("BOOL", [3])], ["b", tensor("F16", [5], 9)], [
      "c",
      tensor("I64", []),
    ]]);
    await writeTorch(path, new Map([["state_dict", dict]]));
    const bytes = await Deno.readFile(path);
    const source = fromBytes("x.pth", bytes);
    const entries = await readZip(source);
    assertEquals(
      [...entries.keys()],
      ["data.pkl", "byteorder", "data/0", "data/1", "data/2", "version"].map((name) => {
        return `archive/${name}`;
      }),
    );
    for (const entry of entries.values()) {
      const start = await zipDataOffset(source, entry);
      assertEquals(start % ALIGNMENT, 0, entry.name);
      const stored = new DataView(bytes.buffer).getUint32(entry.headerOffset + 14, true);
      assertEquals(stored, crc32(bytes.subarray(start, start + entry.size)), entry.name);
    }
    const pickle = entries.get("archive/data.pkl")!;
    const named = globalsOf(await source.read(await zipDataOffset(source, pickle), pickle.size));
    assertEquals(named, [
      "collections.OrderedDict",
      "torch.BoolStorage",
      "torch.HalfStorage",
      "torch.LongStorage",
      "torch._utils._rebuild_tensor_v2",
    ]);
    assert((await readTorchZip(source) as Map<string, unknown>).get("state_dict") instanceof Map);
  }));

Deno.test("`PickleWriter` writes plain data so that it is read back", () => {
  const numbers = [
    0,
    1,
    255,
    256,
    65535,
    65536,
    -1,
    -(2 ** 31),
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 53 - 1,
    0.1,
    -2.5,
    1e300,
  ];
  const plain = [null, true, false, "", "ünï", Infinity, numbers];
  const value = new Map<string | number, Picklable<Tensor>>([["list", plain], [7, new Tuple<Tensor>([])]]);
  value.set(-3, new Tuple<Tensor>([1, new Tuple<Tensor>([2]), new OrderedDict<Tensor>([["a", 1]])]));
  const writer = new PickleWriter<Tensor>(() => {});
  writer.value(value);
  const globals = new Map([["collections.OrderedDict", new PickleGlobal("OrderedDict", () => new Map([["made", 0]]))]]);
  const bytes = writer.finish();
  const read = readPickle(bytes, { source: "test", globals });
  assertEquals(read.length, bytes.length);
  const ordered = new Map([["made", 0], ["a", 1]]);
  assertEquals(read.value, new Map<unknown, unknown>([["list", plain], [7, []], [-3, [1, [2], ordered]]]));
});

/** Zeros, but for pieces at some offsets; nothing is read across a piece's end. */
function sparse(size: number, pieces: ReadonlyMap<number, Uint8Array<ArrayBuffer>>): ByteSource {
  const read = (from: number, length: number) => {
    const bytes = new Uint8Array(length);
    for (const [at, piece] of pieces) {
      if (at >= from + length || from >= at + piece.length) continue;
      bytes.set(piece.subarray(Math.max(0, from - at), from - at + length), Math.max(0, at - from));
    }
    return Promise.resolve(bytes);
  };
  return { name: "sparse", size, read };
}

Deno.test("`localHeader()` and `directory()` use 64-bit fields when entries and offsets need them", async () => {
  // An archive of 12 GB that is not there but for its headers.
  const sizes = [0xfffffffe, 0xffffffff, 2 ** 32 + 7, 5];
  const pieces = new Map<number, Uint8Array<ArrayBuffer>>();
  const records: ZipRecord[] = [];
  const starts: number[] = [];
  let offset = 0;
  for (const [i, size] of sizes.entries()) {
    const record = { name: `archive/${i}`, size, crc: i, offset };
    const header = localHeader(record);
    pieces.set(offset, header);
    records.push(record);
    starts.push(offset + header.length);
    offset += header.length + size;
  }
  const end = directory(records, offset);
  pieces.set(offset, end);
  const source = sparse(offset + end.length, pieces);
  const entries = [...(await readZip(source)).values()];
  assertEquals(entries.map(({ size }) => size), sizes);
  assertEquals(entries.map(({ headerOffset }) => headerOffset), records.map(({ offset }) => offset));
  assertEquals(await Promise.all(entries.map((entry) => zipDataOffset(source, entry))), starts);
  assert(starts.every((start) => start % ALIGNMENT === 0));
});

Deno.test("`directory()` counts in 64 bits when there are more than 65534 entries", async () => {
  const records = Array.from({ length: 65536 }, (_, i) => ({ name: `${i}`, size: 0, crc: 0, offset: 64 * i }));
  const offset = 64 * records.length;
  const end = directory(records, offset);
  const entries = await readZip(sparse(offset + end.length, new Map([[offset, end]])));
  assertEquals([...entries.keys()], records.map(({ name }) => name));
});
