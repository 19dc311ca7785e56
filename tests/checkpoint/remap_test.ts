import { assertEquals, assertThrows } from "@std/assert";
import { remap, type TensorSpec } from "../../src/checkpoint/remap.ts";
import type { DType, StateDict } from "../../src/checkpoint/state_dict.ts";
import { stripPrefixes } from "../../src/checkpoint/find_state_dict.ts";
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

Deno.test("`remap()` lists every tensor that does not fit, with both shapes", () => {
  const tensors = stateDict({
    "conv.weight": ["F32", 4, 3],
    "bn.num_batches_tracked": ["F32"],
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
    "  bn.num_batches_tracked: the model needs I64 [], the file has F32 []",
  ]);
});

Deno.test("`stripPrefixes()` takes wrappers' prefixes off when every name has them", () => {
  const names = (
    ...names: string[]
  ) => [...stripPrefixes(stateDict(Object.fromEntries(names.map((n) => [n, ["F32"]])))).keys()];
  assertEquals(names("module.a", "module.b"), ["a", "b"]);
  assertEquals(names("module.module.a"), ["a"]);
  assertEquals(names("_orig_mod.module.a"), ["a"]);
  assertEquals(names("module.a", "b"), ["module.a", "b"]);
  assertEquals(names("module."), ["module."]);
});
