/**
 * Tests all that torch.load reads besides plain state dicts. tests/reference/write_checkpoint_kind_fixtures.py wrote
 * the files.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { toFloat32 } from "../../src/checkpoint/tensors/float32.ts";
import { type Checkpoint, openCheckpoint } from "../../src/checkpoint/open.ts";
import { remedyFor } from "../../src/checkpoint/tensors/remedy.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { fromBytes } from "../../src/checkpoint/source/source.ts";
import { CheckpointError } from "../../src/errors.ts";
import { bytes, describe, fixture, kind, little, NET, pickle, ramp, safetensors, tensorPickle } from "./support.ts";
import { torchLegacy, torchZip } from "./support.ts";

const FORMS = ["", "legacy_"] as const;

async function using(path: string, check: (c: Checkpoint) => Promise<void>): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    await check(checkpoint);
  } finally {
    checkpoint.close();
  }
}

function open(file: Uint8Array<ArrayBuffer>): Promise<Checkpoint> {
  return openCheckpoint(fromBytes("file", file));
}

/** Bytes of every tensor by name, sorted: safetensors' library sorts by type. */
async function contents({ tensors }: Checkpoint): Promise<[string, string][]> {
  const read = [...tensors].map(async ([name, t]): Promise<[string, string]> => [name, (await t.read()).toHex()]);
  return (await Promise.all(read)).sort(([a], [b]) => a < b ? -1 : 1);
}

async function checkNet({ tensors }: Checkpoint): Promise<void> {
  assertEquals(describe(tensors).filter((line) => !line.includes("_extra_state")), NET);
  assertEquals([...await toFloat32(tensors.get("conv.weight")!)], ramp(54));
  assertEquals([...await toFloat32(tensors.get("bn.running_var")!)], ramp(3));
}

for (const form of FORMS) {
  for (const name of ["signed", "attributed", "unsigned"]) {
    Deno.test(`\`openCheckpoint()\` reads PyTorch's numbers when given ${form}${name}.pth`, () =>
      using(kind(`${form}${name}.pth`), (checkpoint) =>
        using(kind(`${name}.safetensors`), async (expected) => {
          assertEquals(await contents(checkpoint), await contents(expected));
        })));
  }

  for (const protocol of [1, 2, 3, 4, 5]) {
    Deno.test(`\`openCheckpoint()\` reads ${form || "zip "}files of pickle protocol ${protocol}`, () =>
      using(kind(`${form}protocol${protocol}.pth`), checkNet));
  }

  Deno.test(`\`openCheckpoint()\` reads the state dicts of whole models when given ${form}whole.pth`, () =>
    using(kind(`${form}whole.pth`), (checkpoint) =>
      using(kind("whole.safetensors"), async (expected) => {
        assertEquals(await contents(checkpoint), await contents(expected));
        const order = expected.metadata.order.split(" ").map((name) => name.replace(/^module\./, ""));
        assertEquals([...checkpoint.tensors.keys()], order);
      })));
}

Deno.test("`openCheckpoint()` reads tensors that were saved as NumPy's arrays", async () => {
  for (const name of ["numpy.pth", "numpy_protocol5.pth"]) {
    await using(kind(name), async ({ tensors }) => {
      assert(tensors.size > 0);
      for (const tensor of tensors.values()) {
        assertEquals(tensor.shape, [2, 3]);
        assertEquals([...await toFloat32(tensor)], ramp(6));
      }
    });
  }
});

Deno.test("`openCheckpoint()` reads the weights beside objects of any class", async () => {
  for (const name of ["beside_protocol2.pth", "beside_protocol4.pth"]) await using(kind(name), checkNet);
});

Deno.test("`openCheckpoint()` reads the weights beside the extra state of modules, of any type", () =>
  using(kind("extra_state.pth"), async (checkpoint) => {
    await checkNet(checkpoint);
    // One of them is a tensor.
    assertEquals([...checkpoint.tensors.keys()].slice(NET.length), ["tensor._extra_state"]);
  }));

/** Entries of unreadable.pth, their types and shapes, and the remedy that the error names. */
const UNREADABLE: readonly (readonly [name: string, description: string, remedy: string])[] = [
  ["quantised.weight", "I8 [2, 3]", "tensor.dequantize()"],
  ["channels.weight", "U8 [2, 3]", "tensor.dequantize()"],
  ["coo.weight", "F32 [2, 3]", "tensor.to_dense()"],
  ["csr.weight", "F32 [2, 3]", "tensor.to_dense()"],
  ["meta.weight", "F32 [2, 3]", "its shape and no values"],
  ["nested.weight", "F32 []", "tensor.unbind()"],
  ["jagged.weight", "U8 []", "the class torch.nested._internal.nested_tensor.NestedTensor"],
  ["wrapper.weight", "F32 [2, 3]", "tensor.full_tensor()"],
  ["bits.weight", "U8 [2, 3]", "torch.bits8 is not supported"],
  ["complex32.weight", "U8 [2, 3]", "torch.complex32 is not supported"],
  ["float8.weight", "F8_E4M3 [2, 3]", "tensor.float()"],
  ["float8_e5m2.weight", "F8_E5M2 [2, 3]", "tensor.float()"],
  ["complex.weight", "C64 [2, 3]", "tensor.real"],
];

Deno.test("`openCheckpoint()` reads the weights beside tensors that cannot be read, and says what to do about those", async () => {
  for (const form of FORMS) {
    await using(kind(`${form}unreadable.pth`), async ({ tensors }) => {
      assertEquals(describe(tensors).slice(0, NET.length), NET);
      for (const [name, description, remedy] of UNREADABLE) {
        const tensor = tensors.get(name);
        // The legacy format cannot hold these two.
        if (form && /jagged|bits/.test(name)) continue;
        assertEquals(describe(new Map([[name, tensor!]])), [`${name} ${description}`]);
        assertStringIncludes(remedyFor(tensor!)!, remedy);
        await assertRejects(() => toFloat32(tensor!), CheckpointError, remedy);
      }
    });
  }
  const state = { dtype: "F32", unreadable: undefined } as const;
  assertEquals(remedyFor(state), undefined);
});

Deno.test("`readSafetensors()` reads the weights beside tensors of other types", async () => {
  await using(kind("float8.safetensors"), async ({ tensors }) => {
    assertEquals(tensors.get("a.weight")!.dtype, "F8_E4M3");
    assertEquals((await tensors.get("a.weight")!.read()).length, 6);
    assertEquals([...await toFloat32(tensors.get("conv.weight")!)], ramp(54));
  });
  // Half a byte an element, and a type of the future.
  const a = { dtype: "F4", shape: [4], data_offsets: [0, 2] };
  const b = { dtype: "F31", shape: [2], data_offsets: [2, 10] };
  const c = { dtype: "F32", shape: [1], data_offsets: [10, 14] };
  const { tensors } = await readSafetensors(fromBytes("x", safetensors({ a, b, c }, 14)));
  assertEquals(describe(tensors), ["a U8 [4]", "b U8 [2]", "c F32 [1]"]);
  await assertRejects(() => tensors.get("a")!.read(), CheckpointError, "x: a: the element type F4 is not supported");
  await assertRejects(() => tensors.get("b")!.read(), CheckpointError, "x: b: the element type F31 is not supported");
  assertEquals((await tensors.get("c")!.read()).length, 4);
});

Deno.test("`openCheckpoint()` reads archives with bytes behind their ends, as PyTorch does", async () => {
  const file = await Deno.readFile(fixture("bare.pth"));
  const commented = file.slice();
  commented[commented.length - 2] = 5;
  const zeros = new Uint8Array(40_000);
  const tails = [bytes(0), bytes("\r\n"), zeros, bytes("PK", 5, 6), bytes("PK", 5, 6, zeros), file.slice(-10)];
  for (const tail of tails) await checkNet(await open(bytes(file, tail)));
  await checkNet(await open(bytes(commented, "hello")));
  await checkNet(await open(bytes(await Deno.readFile(fixture("legacy_bare.pth")), zeros)));
  await assertRejects(() => open(bytes(file.slice(0, -30), zeros)), CheckpointError, "no directory at its end");
});

/** A list in a pickle of one item many times. */
function list(item: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(count * item.length);
  for (let i = 0; i < count; i++) all.set(item, i * item.length);
  return bytes("](", all, "e");
}

Deno.test("`openCheckpoint()` reads the weights beside histories of tens of megabytes", async () => {
  const { start, stop, text, dict } = pickle;
  const step = dict(text("loss"), bytes("G", little(0, 8)), text("accuracy"), bytes("K", 1));
  const log = bytes("](", list(step, 100_000), list(bytes("G", little(1, 8)), 2_000_000), "e");
  assert(log.length > 20e6);
  const state = dict(text("a.weight"), tensorPickle());
  const contents = bytes(start, dict(text("log"), log, text("state_dict"), state), stop);
  const storages = bytes(
    start,
    "](",
    text("0"),
    "e",
    stop,
    little(4, 8),
    new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer),
  );
  for (const file of [torchZip(contents), torchLegacy(contents, storages)]) {
    const { tensors } = await open(file);
    assertEquals([...await toFloat32(tensors.get("a.weight")!)], [1, 2, 3, 4]);
  }
});

Deno.test("`openCheckpoint()` takes a name for an attack only where it is one", async () => {
  const { start, stop, text, tuple, dict, global } = pickle;
  const named = (module: string, name: string) => {
    const call = bytes(global(module, name), tuple(text("x")), "R");
    return torchZip(bytes(start, dict(text("a.weight"), tensorPickle(), text("b"), call), stop));
  };
  const refused = [["os", "popen"], ["nt", "system"], ["subprocess", "Popen"], ["builtins", "exec"], [
    "shutil",
    "rmtree",
  ]];
  for (const [module, name] of refused) {
    await assertRejects(
      () => open(named(module, name)),
      CheckpointError,
      `it names ${module}.${name}, a function that`,
    );
  }
  const harmless = [["os", "stat_result"], ["code.models", "Net"], ["builtins", "getattr"], ["evil.os", "system"]];
  for (const [module, name] of harmless) {
    const { tensors } = await open(named(module, name));
    assertEquals((await tensors.get("a.weight")!.read()).length, 16);
  }
});

Deno.test("`openCheckpoint()` keeps a tensor that an unknown function of PyTorch rebuilds, with the reason", async () => {
  const { start, stop, text, dict, global } = pickle;
  const future = bytes(global("torch._utils", "_rebuild_tensor_v9"), ")R");
  const file = torchZip(bytes(start, dict(text("a.weight"), tensorPickle(), text("b.weight"), future), stop));
  const { tensors } = await open(file);
  assertEquals(describe(tensors), ["a.weight F32 [4]", "b.weight U8 []"]);
  assertStringIncludes(remedyFor(tensors.get("b.weight")!)!, "torch._utils._rebuild_tensor_v9");
});

Deno.test("`openCheckpoint()` says what to do with a folder", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const expect = async (message: string) => {
      const { message: found } = await assertRejects(() => openCheckpoint(`${folder}/x`), CheckpointError);
      assertStringIncludes(found, message);
    };
    await Deno.mkdir(`${folder}/x`);
    await expect("a folder, not a file; there is no checkpoint in it");
    for (const name of ["b.pth", "a.safetensors", "w-00001-of-00002.bin", "w.bin.index.json", "README.md"]) {
      await Deno.writeTextFile(`${folder}/x/${name}`, "");
    }
    await expect("name one of its checkpoints: a.safetensors, b.pth, w.bin.index.json");
    await Deno.writeTextFile(`${folder}/x/data.pkl`, "");
    await expect("`zip -0 -r x.pth x`");
    await assertRejects(() => openCheckpoint(`${folder}/x/data.pkl`), CheckpointError, "name its folder");
    await Deno.remove(`${folder}/x/data.pkl`);
    await Deno.writeTextFile(`${folder}/x/__0_0.distcp`, "");
    await Deno.writeTextFile(`${folder}/x/.metadata`, "");
    await expect(`dcp_to_torch ${folder}/x x.pth`);
    for (const name of ["__0_0.distcp", ".metadata"]) {
      await assertRejects(() => openCheckpoint(`${folder}/x/${name}`), CheckpointError, "dcp_to_torch FOLDER");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("`openCheckpoint()` says what an archive is when it is no checkpoint", async () => {
  await assertRejects(
    () => openCheckpoint(kind("script.pt")),
    CheckpointError,
    'torch.jit.load("script.pt").state_dict()',
  );
  await assertRejects(() => openCheckpoint(kind("arrays.npz")), CheckpointError, "NumPy's arrays");
  await assertRejects(() => openCheckpoint(kind("no_weights.pth")), CheckpointError, "it holds epoch, args");
  await assertRejects(() => openCheckpoint(kind("object.pth")), CheckpointError, "no state dict");
});
