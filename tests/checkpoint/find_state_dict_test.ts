import { assertEquals, assertThrows } from "@std/assert";
import { findStateDicts, unwrapped, withoutWrappers } from "../../src/checkpoint/remapping/find_state_dict.ts";
import { Opaque } from "../../src/checkpoint/pickle/opaque.ts";
import type { PickleValue } from "../../src/checkpoint/pickle/value.ts";
import type { StateDict, Tensor } from "../../src/checkpoint/tensors/state_dict.ts";
import { CheckpointError } from "../../src/errors.ts";

const TENSOR: Tensor = { dtype: "F32", shape: [1], read: () => Promise.resolve(new Uint8Array(4)) };

/** Converts a plain object to the map that a pickled dict becomes. */
function dict(value: Record<string, unknown>): Map<PickleValue, PickleValue> {
  return new Map(Object.entries(value));
}

const SMALL = dict({ "a.weight": TENSOR });
const LARGE = dict({ "a.weight": TENSOR, "a.bias": TENSOR });

const keys = (value: PickleValue, key?: string) => findStateDicts("x", value, key).map((found) => found.key);

Deno.test("`findStateDicts()` finds them at every level, usual names first, then the largest", () => {
  assertEquals(keys(SMALL), [""]);
  assertEquals(keys(dict({ epoch: 3, teacher: SMALL, student: LARGE, model: dict({ "b.bias": TENSOR }) })), [
    "model",
    "student",
    "teacher",
  ]);
  assertEquals(keys(dict({ state_dict_ema: LARGE, state_dict: SMALL })), ["state_dict", "state_dict_ema"]);
  assertEquals(keys(dict({ state: dict({ model: SMALL, optimizer: dict({ state: new Map() }) }) })), ["state.model"]);
  assertEquals(keys([SMALL, dict({ state: dict({ momentum_buffer: TENSOR }) })]), ["0"]);
  // Values of training are no state dict, whatever their type.
  assertEquals(keys(dict({ best_acc: TENSOR, model: SMALL })), ["model"]);
  // A subclass of dict.
  const subclass = new Opaque("mmengine.Config");
  subclass.items = dict({ model: SMALL });
  assertEquals(keys(subclass), ["model"]);
});

Deno.test("`findStateDicts()` keeps the names of entries that are no tensors", () => {
  const [found] = findStateDicts("x", dict({ "a.weight": TENSOR, "a._extra_state": dict({ x: 1 }), epoch: 3 }));
  assertEquals([...found.tensors.keys()], ["a.weight"]);
  assertEquals(found.rest, ["a._extra_state", "epoch"]);
});

Deno.test("`findStateDicts()` takes the key of a state dict, or of what holds some", () => {
  const value = dict({ net: dict({ best: SMALL, last: LARGE }), other: SMALL });
  assertEquals(keys(value, "net.best"), ["net.best"]);
  assertEquals(keys(value, "net"), ["net.last", "net.best"]);
  assertEquals(keys(dict({ a: SMALL, "b.weight": TENSOR }), ""), [""]);
  const { message } = assertThrows(() => keys(value, "ne"), CheckpointError);
  assertEquals(message, 'x: there is no state dict under "ne" in it; it holds net.best, net.last, other');
});

Deno.test("`findStateDicts()` says what a file holds instead, and names objects to save differently", () => {
  const fails = (value: PickleValue) => assertThrows(() => keys(value), CheckpointError).message;
  assertEquals(fails(dict({})), "x: there is no state dict in it; it holds nothing");
  assertEquals(fails(dict({ epoch: 3, best: TENSOR })), "x: there is no state dict in it; it holds epoch, best");
  assertEquals(
    fails(dict({ epoch: 3, model: new Opaque("my.Net") })),
    "x: there is no state dict in it; it holds epoch, model; model is an object of my.Net. If that is the model, load the " +
      'file in PyTorch and save its state dict: torch.save(model.state_dict(), "state_dict.pth")',
  );
});

Deno.test("`findStateDicts()` ends where values lie inside themselves or side by side a million times", () => {
  const inside = dict({ "a.weight": TENSOR });
  inside.set("self", inside);
  assertEquals(keys(inside), ["", "self"]);
  let deep = SMALL;
  for (let i = 0; i < 1000; i++) deep = dict({ a: deep, b: deep });
  assertThrows(() => keys(deep), CheckpointError, "no state dict");
});

Deno.test("`unwrapped()` takes out what wrappers put into names, and leaves names that would then be the same", () => {
  const names = (...all: string[]) => [...unwrapped(new Map(all.map((name) => [name, TENSOR])) as StateDict).keys()];
  assertEquals(names("module.a", "module.b"), ["a", "b"]);
  assertEquals(names("module.module.a", "_orig_mod.module.b"), ["a", "b"]);
  assertEquals(names("n_averaged", "module.a"), ["n_averaged", "a"]);
  assertEquals(names("_fsdp_wrapped_module.layer1._fsdp_wrapped_module.0.weight"), ["layer1.0.weight"]);
  assertEquals(names("module.a", "a"), ["module.a", "a"]);
  assertEquals([withoutWrappers("module."), withoutWrappers("module")], ["module.", "module"]);
});
