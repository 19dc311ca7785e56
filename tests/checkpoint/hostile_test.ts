/** Tests malicious and damaged checkpoints. Each must end in a CheckpointError, soon and without running any code. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Checkpoint, openCheckpoint } from "../../src/checkpoint/open.ts";
import { fromBytes } from "../../src/checkpoint/source/source.ts";
import { CheckpointError } from "../../src/errors.ts";
import { bytes, fixture, little, pickle, tensorPickle, torchLegacy, torchZip, zip, type ZipFile } from "./support.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const { start, stop, text, int, global, tuple, dict } = pickle;

function open(file: Bytes): Promise<Checkpoint> {
  return openCheckpoint(fromBytes("hostile", file));
}

async function readAll(file: Bytes): Promise<void> {
  for (const tensor of (await open(file)).tensors.values()) await tensor.read();
}

function stateDict(tensor: Bytes): Bytes {
  return bytes(start, dict(text("fc.weight"), tensor), stop);
}

Deno.test("the hand-made files of these tests are read when they do not lie", async () => {
  await readAll(torchZip(stateDict(tensorPickle())));
  const storages = bytes(start, "](", text("0"), "e", stop, little(4, 8), new Uint8Array(16));
  await readAll(torchLegacy(stateDict(tensorPickle()), storages));
  const files = [
    { name: "a/data.pkl", data: stateDict(tensorPickle()) },
    { name: "a/data/0", data: new Uint8Array(16) },
  ];
  await readAll(zip(files, { zip64: true }));
});

/** A list of a list twice, of which each is a list twice ...: as text it has 2^depth brackets. */
function doubling(depth: number): Bytes {
  return bytes("]q", [0], ...Array.from({ length: depth }, () => bytes("0](h", [0], "h", [0], "eq", [0])));
}

/** Makes a dict of one list of `length` pairs `times` times. */
function copies(length: number, times: number): Bytes {
  const list = bytes("](", ...Array.from({ length }, (_, i) => tuple(int(i), int(i))), "eq", [0], "0");
  const make = bytes("h", [1], "h", [0], [0x85], "R0");
  return bytes(start, list, global("collections", "OrderedDict"), "q", [1], ...Array(times).fill(make), stop);
}

/** A model of `depth` modules, each of which is twice in the one before; with 0, one that is inside itself. */
function model(depth: number): Bytes {
  const names = bytes(text("_parameters"), "}");
  const of = (module: Bytes) => dict(names, text("_modules"), dict(text("a"), module, text("b"), module));
  const make = (state: Bytes) => bytes(global("a", "Net"), ")", [0x81], state, "b");
  if (depth === 0) return bytes(global("a", "Net"), ")", [0x81], "q", [0], of(bytes("h", [0])), "b");
  let built = bytes(make(dict(names, text("_modules"), bytes("}"))), "q", [0], "0");
  for (let i = 0; i < depth; i++) built = bytes(built, make(of(bytes("h", [0]))), "q", [0], i < depth - 1 ? "0" : "");
  return built;
}

/** A model with a parameter whose name is a list that doubles forty times. */
function nameless(): Bytes {
  const parameters = bytes("}", doubling(40), tensorPickle(), "s");
  const state = dict(text("_modules"), bytes("}"), text("_parameters"), parameters);
  return bytes(start, global("a", "Net"), ")", [0x81], state, "b", stop);
}

/** A text of a megabyte in the memo as the module of many names. */
function longNames(): Bytes {
  const name = bytes(text("a".repeat(1 << 20)), "q", [0], "0");
  return bytes(start, name, ...Array(1000).fill(bytes("h", [0], text("b"), [0x93, 0x30])), stop);
}

/** Pickles, and what the error says of each. */
const PICKLES: readonly (readonly [what: string, pickle: Bytes, message: string])[] = [
  [
    "calls os.system",
    bytes(start, global("os", "system"), tuple(text("touch owned")), "R", stop),
    "it names os.system",
  ],
  [
    "calls posix.system",
    bytes(start, global("posix", "system"), tuple(text("id")), "R", stop),
    "it names posix.system",
  ],
  ["calls eval", bytes(start, global("builtins", "eval"), tuple(text("1")), "R", stop), "it names builtins.eval"],
  ["calls Python 2's eval", bytes(start, global("__builtin__", "eval"), stop), "it names __builtin__.eval"],
  ["calls getattr", bytes(start, global("builtins", "getattr"), tuple(text("a")), "R", stop), "no state dict"],
  ["names a member of our own objects", bytes(start, global("torch", "constructor"), stop), "no state dict"],
  ["names __proto__", bytes(start, global("__proto__", "toString"), stop), "no state dict"],
  ["names a function by STACK_GLOBAL", bytes(start, text("os"), text("system"), [0x93], stop), "it names os.system"],
  ["uses INST", bytes(start, "(ios\nsystem\n", stop), "opcode 0x69"],
  ["uses OBJ", bytes(start, "(", global("collections", "OrderedDict"), "o", stop), "opcode 0x6f"],
  ["uses an extension code", bytes(start, [0x82, 1], stop), "opcode 0x82"],
  ["calls a plain value", bytes(start, int(1), ")R", stop), "called like a function"],
  ["calls a storage type", bytes(start, global("torch", "FloatStorage"), ")R", stop), "called like a function"],
  ["calls without a tuple", bytes(start, global("collections", "OrderedDict"), int(1), "R", stop), "without a tuple"],
  ["takes from an empty stack", bytes(start, "0", stop), "more from its stack than there is"],
  ["takes from below a mark", bytes(start, int(1), "(", [0x85], stop), "more from its stack"],
  ["misses a mark", bytes(start, "t", stop), "a mark is missing"],
  ["uses what is not there yet", bytes(start, "h", [7], stop), "object 7"],
  ["appends to a dict", bytes(start, "}", int(1), "a", stop), "not a list"],
  ["sets items of a list", bytes(start, "]", int(1), int(2), "s", stop), "not a dict"],
  ["has a key without a value", bytes(start, "}(", int(1), "u", stop), "without a value"],
  ["claims a text of 4 GB", bytes(start, "X", little(-1, 4), "abc"), "does not end"],
  ["claims a whole number of 4 GB", bytes(start, [0x8b], little(-1, 4)), "4294967295 bytes"],
  ["nests without end", bytes(start, "(".repeat(5000), stop), "inside each other"],
  ["makes millions of objects", bytes(start, new Uint8Array(2_100_000).fill(0x7d), stop), "of memory so far"],
  ["does not stop", bytes(start, int(1)), "does not end"],
  ["is empty", new Uint8Array(0), "does not end"],
  ["refers to a thing beside it that is no storage", bytes(start, text("module"), "Q", stop), "not a storage"],
  ["is not a dict", bytes(start, int(1), stop), "no state dict"],
  [
    "nests lists without marks",
    bytes(start, "}", new Uint8Array(500_000).fill(0x5d), "a".repeat(499_999), int(1), "s", stop),
    "it holds [[...]]",
  ],
  ["has a key that doubles forty times", bytes(start, "}", doubling(40), int(1), "s", stop), "it holds [[...],[...]]"],
  ["names a function by such a list", bytes(start, doubling(40), text("x"), [0x93], stop), "has no name"],
  ["copies a long list over and over", copies(1000, 5000), "of memory so far"],
  ["is a model inside itself", bytes(start, model(0), stop), "inside each other without end"],
  ["is a model that doubles forty times", bytes(start, model(40), stop), "inside each other without end"],
  ["is a model whose parts have no names", nameless(), "has no name"],
  ["names a thing by a long text over and over", longNames(), "more than 1000 letters"],
  ["claims text without an end", bytes(start, "I", "7".repeat(5000), "\n", stop), "the whole number"],
  ["calls what a call made of nothing", bytes(start, "N", ")R", stop), "called like a function"],
  ["is a dict of itself", bytes(start, "}q", [0], text("a.weight"), "h", [0], "s", stop), "no state dict"],
];

for (const [what, pickled, message] of PICKLES) {
  Deno.test(`\`openCheckpoint()\` refuses a pickle when it ${what}`, async () => {
    await assertRejects(() => open(torchZip(pickled)), CheckpointError, message);
    const legacy = torchLegacy(pickled, bytes(start, "]", stop));
    // In a legacy file other pickles follow, so that one that does not end runs into the next.
    await assertRejects(() => open(legacy), CheckpointError);
  });
}

/** Tensors that point outside of their storage of four elements. */
const TENSORS: readonly (readonly [what: string, tensor: Parameters<typeof tensorPickle>[0], message: string])[] = [
  ["more elements than its storage", { shape: [5] }, "uses elements 0 to 5 of 4"],
  ["an offset beyond its storage", { offset: 1 }, "uses elements 1 to 5 of 4"],
  ["a negative offset", { offset: -1 }, "is not one"],
  ["a negative extent", { shape: [-4] }, "is not one"],
  ["a negative stride", { strides: [-1] }, "is not one"],
  ["a stride beyond its storage", { strides: [2] }, "uses elements 0 to 7 of 4"],
  ["fewer strides than extents", { shape: [2, 2] }, "is not one"],
  ["extents of 2^62", { shape: [2n ** 62n], strides: [0] }, "no storage, shape or strides"],
  ["eight million elements made of four", { shape: [2 ** 23], strides: [0] }, "made of only 4"],
  ["2^60 elements made of one", { shape: [2 ** 30, 2 ** 30], strides: [0, 0] }, "made of only 4"],
  ["a storage longer than the file's", { length: 2 ** 40, shape: [2 ** 40] }, "the archive has 16"],
  ["a negative storage", { length: -4 }, "not a storage"],
  ["a storage that is not there", { key: "1" }, "missing from the archive"],
  ["a storage outside of the archive's folder", { key: "../../etc/passwd" }, "missing from the archive"],
  ["a storage type that is none", { type: "toString" }, "not a storage"],
  ["longer elements than its storage", { type: "ComplexFloatStorage" }, "the archive has 16"],
];

for (const [what, tensor, message] of TENSORS) {
  Deno.test(`\`openCheckpoint()\` refuses a tensor when it has ${what}`, async () => {
    await assertRejects(() => open(torchZip(stateDict(tensorPickle(tensor)))), CheckpointError, message);
  });
}

Deno.test("`openCheckpoint()` does not follow a tensor that is to be rebuilt by the function that rebuilds it", async () => {
  const rebuild = global("torch._tensor", "_rebuild_from_type_v2");
  const args = bytes("]q", [0], "(", rebuild, global("a", "T"), "h", [0], "Ne");
  const { tensors } = await open(torchZip(stateDict(bytes(rebuild, args, "R"))));
  await assertRejects(() => tensors.get("fc.weight")!.read(), CheckpointError, "an object of the class a.T");
});

/** Arguments of `_rebuild_tensor_v2` behind a tensor's own, as they are not written by PyTorch. */
const SIGNS: readonly (readonly [what: string, type: string, metadata: Bytes, message: string])[] = [
  ["booleans that are negated", "BoolStorage", dict(text("neg"), bytes([0x88])), "which has no signs"],
  ["metadata that is a list", "FloatStorage", bytes("]"), "metadata that is not a dict"],
];

for (const [what, type, metadata, message] of SIGNS) {
  Deno.test(`\`openCheckpoint()\` refuses a tensor when it has ${what}`, async () => {
    const whole = tensorPickle({ type });
    const tensor = bytes(whole.slice(0, -2), metadata, "tR");
    await assertRejects(() => open(torchZip(stateDict(tensor))), CheckpointError, message);
  });
}

const good = stateDict(tensorPickle());
const data: ZipFile = { name: "a/data/0", data: new Uint8Array(16) };
const main: ZipFile = { name: "a/data.pkl", data: good };

/** What torch.jit.save adds; its code is compressed, which is no reason to stop before saying what the file is. */
const script: ZipFile[] = [
  { name: "a/constants.pkl", data: bytes(start, ")", stop) },
  { name: "a/code/net.py", data: bytes("x"), method: 8, size: 9 },
];

/** Archives, and what the error says of each. */
const ARCHIVES: readonly (readonly [what: string, file: Bytes, message: string])[] = [
  ["no data.pkl", zip([data]), "it has no data.pkl"],
  ["a TorchScript program", zip([...script, main, data]), "a TorchScript program, not a checkpoint"],
  ["a compressed pickle", zip([{ ...main, method: 8 }, data]), "is compressed"],
  ["a compressed storage (a zip bomb)", zip([main, { ...data, method: 8, size: 2 ** 31 }]), "is compressed"],
  ["an encrypted storage", zip([main, { ...data, flags: 1 }]), "is encrypted"],
  ["a stored entry that grows", zip([main, { ...data, size: 1 << 20 }]), "are to become"],
  ["an entry beyond the file", zip([main, { ...data, size: 1 << 20, stored: 1 << 20 }]), "claims 1048576 bytes"],
  ["an entry at the file's end", zip([main, { ...data, offset: 1 << 20 }]), "claims 16 bytes at 1048576"],
  ["an entry of 2^60 bytes", zip([main, { ...data, size: 2 ** 60, stored: 2 ** 60 }], { zip64: true }), "claims"],
  ["an entry where none starts", zip([main, { ...data, offset: 1 }]), "not where its directory says"],
  ["a name of 60,000 letters", zip([main, { ...data, name: "a".repeat(60_000), offset: 1 << 20 }]), "aaa... claims"],
  ["one name twice", zip([main, data, data]), 'holds "a/data/0" twice'],
  ["big-endian numbers", zip([main, data, { name: "a/byteorder", data: bytes("big") }]), "big-endian"],
];

for (const [what, file, message] of ARCHIVES) {
  Deno.test(`\`openCheckpoint()\` refuses an archive when it has ${what}`, async () => {
    await assertRejects(() => readAll(file), CheckpointError, message);
  });
}

/** Lists of storages behind a legacy pickle, and what the error says of each. */
const keys = (...names: string[]) => bytes(start, "](", ...names.map(text), "e", stop);
const LEGACY: readonly (readonly [what: string, rest: Bytes, message: string])[] = [
  ["no list of storages", bytes(start, int(1), stop), "its list of storages is missing"],
  ["a storage that the list lacks", keys(), "storage 0: missing"],
  ["a storage that the pickle lacks", keys("1"), 'names "1"'],
  ["a storage twice", bytes(keys("0", "0"), little(4, 8), new Uint8Array(16)), 'names "0"'],
  ["a storage of another length", bytes(keys("0"), little(5, 8), new Uint8Array(20)), "it claims 5"],
  ["a storage of negative length", bytes(keys("0"), little(-4, 8), new Uint8Array(16)), "it claims -4"],
  ["a storage that is cut off", bytes(keys("0"), little(4, 8), new Uint8Array(15)), "truncated"],
  ["no storages", keys("0"), "truncated"],
];

for (const [what, rest, message] of LEGACY) {
  Deno.test(`\`openCheckpoint()\` refuses a legacy file when it has ${what}`, async () => {
    await assertRejects(() => open(torchLegacy(good, rest)), CheckpointError, message);
  });
}

Deno.test("`openCheckpoint()` refuses a legacy file when it is big-endian or of another protocol", async () => {
  await assertRejects(() => open(torchLegacy(good, keys("0"), 0x89)), CheckpointError, "only little-endian");
  const other = torchLegacy(good, keys("0"));
  other[other.indexOf(0x4d) + 1]++;
  await assertRejects(() => open(other), CheckpointError, "protocol 1002");
});

Deno.test("`openCheckpoint()` refuses PyTorch's files when they are cut off at every 1% of their length", async () => {
  const files = [
    ...["training.pth.tar", "legacy_training.pth.tar", "dtypes.pth", "legacy_strided.pth"],
    ...["dtypes.safetensors", "model.safetensors.index.json"],
  ];
  for (const name of files) {
    const file = await Deno.readFile(fixture(name));
    for (let percent = 0; percent < 100; percent++) {
      await assertRejects(() => readAll(file.slice(0, Math.floor(file.length * percent / 100))), CheckpointError);
    }
  }
});

Deno.test("`openCheckpoint()` refuses headers that nest without end, soon", async () => {
  const deep = "[".repeat(1_000_000) + "]".repeat(1_000_000);
  const offsets = '"data_offsets":[0,0]';
  const headers = [
    `{"a":{"dtype":"F32","shape":${deep},${offsets}}}`,
    `{"a":{"dtype":${deep},"shape":[],${offsets}}}`,
    `{"a":{"dtype":"F32","shape":[0],"data_offsets":${deep}}}`,
    `{"a":${deep}}`,
    `{"__metadata__":{"a":${deep}}}`,
  ];
  for (const header of headers) {
    const error = await assertRejects(
      () => open(bytes(little(header.length, 8), header)),
      CheckpointError,
      "not a valid",
    );
    assert(error.message.length < 300);
  }
  await assertRejects(() => open(bytes(`{"weight_map":{"a":${deep}}}`)), CheckpointError, "not a file's plain name");
});

Deno.test("`openCheckpoint()` answers or refuses, whatever byte of a file is wrong", async () => {
  for (const name of ["bare.pth", "legacy_bare.pth", "bare.safetensors"]) {
    const file = await Deno.readFile(fixture(name));
    let refused = 0;
    for (let at = 0; at < file.length; at += 3) {
      const damaged = file.slice();
      damaged[at] ^= 0x55;
      await readAll(damaged).catch((error) => {
        assert(error instanceof CheckpointError, `byte ${at} of ${name}: ${error.stack}`);
        refused++;
      });
    }
    assert(refused > 0);
  }
});

Deno.test("`openCheckpoint()` says what a file is when it is no checkpoint", async () => {
  const rest = new Uint8Array(300);
  const cases: [file: Bytes, message: string][] = [
    [bytes(), "it is empty"],
    [rest, "zeros alone"],
    [bytes("<!DOCTYPE html><html>"), "it is a web page"],
    [bytes("\n<html lang=en>"), "it is a web page"],
    [bytes('<?xml version="1.0"?><Error><Code>AccessDenied'), "a server's error message"],
    [bytes("version https://git-lfs.github.com/spec/v1\noid"), "a Git LFS pointer"],
    [bytes("Entry not found"), 'text, not a checkpoint: "Entry not found"'],
    [bytes("import torch\n".repeat(100)), "text, not a checkpoint"],
    [bytes([0x1f, 0x8b, 8, 0], rest), "compressed with gzip"],
    [bytes("BZh9", rest), "compressed with bzip2"],
    [bytes([0xfd], "7zXZ", [0], rest), "compressed with xz"],
    [bytes([0x28, 0xb5, 0x2f, 0xfd], rest), "compressed with Zstandard"],
    [bytes("7z", [0xbc, 0xaf, 0x27, 0x1c], rest), "a 7-Zip archive"],
    [bytes("Rar!", [0x1a, 7, 1, 0], rest), "a RAR archive"],
    [bytes(start, int(1), stop), "a plain pickle"],
    [bytes([0x80, 4, 0x95], rest), "a plain pickle"],
    [bytes(new Uint8Array(257), "ustar", rest), "a tar archive"],
    [bytes("sys_info", new Uint8Array(249), "ustar", rest), "by a PyTorch before 0.2"],
    [bytes([0x89], "HDF\r\n", rest), "an HDF5 file"],
    [bytes([0x93], "NUMPY", [1, 0], rest), "one NumPy array"],
    [bytes([8, 7, 0x12, 7], "pytorch", rest), "an ONNX model"],
    [bytes([8, 1, 0x12, 200], rest), "a TensorFlow SavedModel"],
    [bytes([28, 0, 0, 0], "TFL3", rest), "a TensorFlow Lite model"],
    [bytes("GGUF", [3, 0], rest), "a GGUF file"],
    [bytes([0x89], "PNG\r\n", rest), "it is an image"],
    [bytes("%PDF-1.7", rest), "a PDF document"],
    [new Uint8Array(100).fill(7), "neither safetensors nor written by torch.save"],
    [zip([{ name: "model.weights.h5", data: rest }]), "a Keras model"],
    [zip([{ name: "a/archive_format", data: rest }]), "a torch.export program"],
    [zip([{ name: "runs/best.pth", data: rest }]), 'with "runs/best.pth" in it, it is an archive around checkpoints'],
    [zip([{ name: "a/b/data.pkl", data: rest }]), "zip it from the folder above it"],
  ];
  for (const [file, message] of cases) await assertRejects(() => open(file), CheckpointError, message);
});

Deno.test("`openCheckpoint()` closes the file when it is refused", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, torchZip(PICKLES[0][1]));
  // The test runner reports a file that is left open.
  await assertRejects(() => openCheckpoint(path), CheckpointError);
  await Deno.remove(path);
  await assertRejects(() => openCheckpoint(path), CheckpointError, "there is no such file");
  await assertRejects(() => openCheckpoint(fixture(".")), CheckpointError, "not a file");
  await assertRejects(() => openCheckpoint(`${fixture("bare.pth")}/x`), CheckpointError, "cannot be read");
  await assertRejects(() => openCheckpoint("x".repeat(5000)), CheckpointError, "cannot be read");
  await assertRejects(() => openCheckpoint("\0"), CheckpointError, "cannot be read");
});

Deno.test("`openCheckpoint()` keeps names from a pickle away from prototypes", async () => {
  const file = torchZip(bytes(start, dict(text("__proto__"), tensorPickle(), text("a.weight"), tensorPickle()), stop));
  assertEquals([...(await open(file)).tensors.keys()], ["__proto__", "a.weight"]);
  assertEquals(({} as Record<string, unknown>).dtype, undefined);
});
