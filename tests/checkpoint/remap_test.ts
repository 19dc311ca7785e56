import { assertEquals, assertThrows } from "@std/assert";
import { remap, type TensorSpec } from "../../src/checkpoint/remapping/remap.ts";
import type { DType, StateDict } from "../../src/checkpoint/tensors/state_dict.ts";
import { CheckpointError } from "../../src/errors.ts";
import { describe } from "./support.ts";

const SPEC: readonly TensorSpec[] = [
  { name: "conv.weight", shape: [4, 3, 1, 1], dtype: "F32" },
  { name: "bn.weight", shape: [4], dtype: "F32" },
  { name: "bn.num_batches_tracked", shape: [], dtype: "I64" },
];

function stateDict(tensors: Record<string, [DType, ...number[]]>): StateDict {
  const read = () => Promise.resolve(new Uint8Array());
  return new Map(Object.entries(tensors).map(([name, [dtype, ...shape]]) => [name, { dtype, shape, read }]));
}

Deno.test("`remap()` answers the model's order and takes any floating-point type", () => {
  const tensors = stateDict({
    "bn.num_batches_tracked": ["I64"],
    "bn.weight": ["F16", 4],
    "conv.weight": ["F64", 4, 3, 1, 1],
  });
  assertEquals(describe(remap(tensors, SPEC)), [
    "conv.weight F64 [4, 3, 1, 1]",
    "bn.weight F16 [4]",
    "bn.num_batches_tracked I64 []",
  ]);
});

Deno.test("`remap()` fills in the counters that old checkpoints lack", async () => {
  const mapped = remap(stateDict({ "conv.weight": ["F32", 4, 3, 1, 1], "bn.weight": ["F32", 4] }), SPEC);
  assertEquals(await mapped.get("bn.num_batches_tracked")!.read(), new Uint8Array(8));
});

Deno.test("`remap()` takes counters of every type and in lists, as PyTorch casts them", async () => {
  const cases: [DType, number[], ArrayBufferView<ArrayBuffer>, bigint][] = [
    ["I64", [], BigInt64Array.of(-7n), -7n],
    ["I64", [1], BigInt64Array.of(7n), 7n],
    ["I64", [2], BigInt64Array.of(7n, 8n), 7n],
    ["I32", [], Int32Array.of(-7), -7n],
    ["I16", [1], Int16Array.of(7), 7n],
    ["I8", [], Int8Array.of(-7), -7n],
    ["U8", [], Uint8Array.of(200), 200n],
    ["BOOL", [], Uint8Array.of(1), 1n],
    ["F64", [], Float64Array.of(2 ** 40 + 0.9), 2n ** 40n],
    ["F32", [], Float32Array.of(-7.9), -7n],
    ["F16", [1], new Uint16Array(Float16Array.of(7.5).buffer), 7n],
    ["BF16", [], Uint16Array.of(0x40e0), 7n],
    ["F32", [], Float32Array.of(NaN), 0n],
  ];
  for (const [dtype, shape, values, expected] of cases) {
    const read = () => Promise.resolve(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    const tensors = stateDict({ "conv.weight": ["F32", 4, 3, 1, 1], "bn.weight": ["F32", 4] });
    tensors.set("bn.num_batches_tracked", { dtype, shape, read });
    const counter = remap(tensors, SPEC).get("bn.num_batches_tracked")!;
    assertEquals({ dtype: counter.dtype, shape: counter.shape }, { dtype: "I64", shape: [] });
    assertEquals(new BigInt64Array((await counter.read()).slice().buffer)[0], expected, `${dtype} [${shape}]`);
  }
});

Deno.test("`remap()` says why a tensor that the model needs cannot be read, and what to do", () => {
  const tensors = stateDict({ "conv.weight": ["F8_E4M3", 4, 3, 1, 1], "bn.weight": ["F32", 4] });
  const read = () => Promise.reject(new CheckpointError("not to be read"));
  tensors.set("bn.weight", {
    dtype: "F32",
    shape: [4],
    read,
    unreadable: "it is sparse. Save tensor.to_dense() instead",
  });
  const { message } = assertThrows(() => remap(tensors, SPEC, "net.pth"), CheckpointError);
  const [, float8, conv, sparse, bn] = message.split("\n");
  assertEquals(float8.slice(0, 60), "1 cannot be taken, each because the element type F8_E4M3 is ");
  assertEquals(conv, "  conv.weight [4, 3, 1, 1]");
  assertEquals(sparse, "1 cannot be taken, each because it is sparse. Save tensor.to_dense() instead:");
  assertEquals(bn, "  bn.weight [4]");
  // The reason is said once.
  tensors.set("conv.weight", { ...tensors.get("bn.weight")!, shape: [4, 3, 1, 1] });
  const both = assertThrows(() => remap(tensors, SPEC, "net.pth"), CheckpointError).message.split("\n");
  assertEquals(both.slice(1), [sparse.replace("1", "2"), conv, bn]);
});

Deno.test("`remap()` lists every tensor that does not fit, with both shapes", () => {
  const tensors = stateDict({
    "conv.weight": ["F32", 4, 3],
    "bn.num_batches_tracked": ["I64", 1, 1],
    "fc.weight": ["F32", 10, 4],
    "fc.bias": ["F32", 10],
  });
  const { message } = assertThrows(() => remap(tensors, SPEC, "net.pth"), CheckpointError);
  assertEquals(message.split("\n"), [
    "net.pth: 5 tensors do not fit the model",
    "1 missing:",
    "  bn.weight [4]",
    "2 unexpected:",
    "  fc.weight [10, 4]",
    "  fc.bias [10]",
    "2 of another shape or type:",
    "  conv.weight: the model needs F32 [4, 3, 1, 1], the file has F32 [4, 3]",
    "  bn.num_batches_tracked: the model needs I64 [], the file has I64 [1, 1]",
  ]);
});
