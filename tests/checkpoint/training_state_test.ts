import { assertEquals, assertThrows } from "@std/assert";
import type { StateDict, Tensor } from "../../src/checkpoint/tensors/state_dict.ts";
import { trainingCheckpoint } from "../../src/checkpoint/training/checkpoint.ts";
import {
  decodeOptimizer,
  decodeProgress,
  encodeTrainingState,
  OPTIMIZERS,
} from "../../src/checkpoint/training/state.ts";
import { CheckpointError } from "../../src/errors.ts";

const PROGRESS = { epoch: 3, step: 1200, bestAccuracy: 71.25 };

function tensor(shape: number[], dtype: Tensor["dtype"] = "F32"): Tensor {
  return { dtype, shape, read: () => Promise.resolve(new Uint8Array(4)) };
}

/** The training checkpoint of a model with two parameters and a buffer. */
function checkpoint(type: keyof typeof OPTIMIZERS, state: StateDict) {
  return trainingCheckpoint({
    arch: "net",
    inference: "{}",
    tensors: new Map([["fc.weight", tensor([2, 3])], ["fc.mean", tensor([2])], ["fc.bias", tensor([2])]]),
    parameters: ["fc.weight", "fc.bias"],
    progress: PROGRESS,
    optimizer: { type, arguments: OPTIMIZERS[type].arguments },
    state,
  }) as ReadonlyMap<string, unknown>;
}

function stateOf(made: ReadonlyMap<string, unknown>): Map<number, Map<string, Tensor>> {
  return (made.get("optimizer") as Map<string, unknown>).get("state") as Map<number, Map<string, Tensor>>;
}

Deno.test("`encodeTrainingState()` writes what `decodeProgress()` and `decodeOptimizer()` read", () => {
  const settings = { type: "AdamW", arguments: { lr: 0.5, betas: [0.8, 0.9] } } as const;
  const metadata = encodeTrainingState(PROGRESS, settings);
  assertEquals(decodeProgress(metadata, "x"), PROGRESS);
  const { type, arguments: all } = decodeOptimizer(metadata, "x");
  assertEquals(type, "AdamW");
  assertEquals(all, { ...OPTIMIZERS.AdamW.arguments, lr: 0.5, betas: [0.8, 0.9] });
  assertEquals(decodeProgress({}, "x"), { epoch: 0, step: 0, bestAccuracy: 0 });
});

Deno.test("`decodeProgress()` and `decodeOptimizer()` name the file and the field when metadata are nonsense", () => {
  const progress = [["epoch", "1.5"], ["epoch", ""], ["step", "-1"], ["best_acc", "NaN"], ["best_acc", "Infinity"]];
  for (const [key, value] of progress) {
    const error = assertThrows(() => decodeProgress({ [key]: value }, "a.state"), CheckpointError);
    assertEquals(error.message, `a.state: metadata ${key} is ${JSON.stringify(value)}, expected a number from 0 up`);
  }
  const optimizers: [string | undefined, string][] = [
    [undefined, "names no optimizer"],
    ["{", "not JSON"],
    ["[]", "has no type"],
    ['{"type":"toString"}', 'is "toString", known are SGD and AdamW'],
    ['{"type":"SGD","betas":[0.9,0.99]}', "SGD has no argument betas = [0.9,0.99]"],
    ['{"type":"SGD","lr":"0.1"}', 'SGD has no argument lr = "0.1"'],
    ['{"type":"AdamW","betas":[0.9]}', "AdamW has no argument betas = [0.9]"],
  ];
  for (const [optimizer, message] of optimizers) {
    assertThrows(() => decodeOptimizer(optimizer ? { optimizer } : {}, "a.state"), CheckpointError, message);
  }
});

Deno.test("`trainingCheckpoint()` numbers parameters as PyTorch does, without buffers, and leaves out what was frozen", () => {
  const momentum = tensor([2]);
  const made = checkpoint("SGD", new Map([["fc.bias/momentum_buffer", momentum], ["fc.weight/average", tensor([9])]]));
  assertEquals([...made.keys()], ["epoch", "arch", "state_dict", "best_acc", "optimizer", "inference_config"]);
  assertEquals([made.get("epoch"), made.get("best_acc")], [3, 71.25]);
  const dict = made.get("state_dict") as Map<string, Tensor>;
  assertEquals([...dict.keys()], ["module.fc.weight", "module.fc.mean", "module.fc.bias"]);
  assertEquals(stateOf(made), new Map([[1, new Map([["momentum_buffer", momentum]])]]));
  const [group] = (made.get("optimizer") as Map<string, Map<string, unknown>[]>).get("param_groups")!;
  assertEquals([...group.keys()], [...Object.keys(OPTIMIZERS.SGD.arguments), "params"]);
  assertEquals(group.get("params"), [0, 1]);
});

Deno.test("`trainingCheckpoint()` counts AdamW's steps in a float32 tensor", async () => {
  const state = new Map([["fc.bias/exp_avg", tensor([2])], ["fc.bias/exp_avg_sq", tensor([2])]]);
  const kept = stateOf(checkpoint("AdamW", state)).get(1)!;
  assertEquals([...kept.keys()], ["step", "exp_avg", "exp_avg_sq"]);
  assertEquals(kept.get("step")!.shape, []);
  assertEquals(new Float32Array((await kept.get("step")!.read()).buffer), Float32Array.of(1200));
});

Deno.test("`trainingCheckpoint()` refuses a state that is another model's, or half of one", () => {
  const cases: [string, Tensor, string][] = [
    ["fc.bias/momentum_buffer", tensor([3]), "fc.bias/momentum_buffer is F32 [3], the model has F32 [2]"],
    ["fc.bias/momentum_buffer", tensor([2], "F16"), "fc.bias/momentum_buffer is F16 [2], the model has F32 [2]"],
    ["fc.mean/momentum_buffer", tensor([2]), "the model has no such parameter"],
    ["conv.weight/momentum_buffer", tensor([2]), "the model has no such parameter"],
  ];
  for (const [name, momentum, message] of cases) {
    assertThrows(() => checkpoint("SGD", new Map([[name, momentum]])), CheckpointError, message);
  }
  const half = new Map([["fc.bias/exp_avg", tensor([2])]]);
  assertThrows(() => checkpoint("AdamW", half), CheckpointError, "fc.bias: AdamW keeps exp_avg and exp_avg_sq of it");
});
