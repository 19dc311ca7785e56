import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { fromFile } from "../../src/checkpoint/source/source.ts";
import type { StateDict, Tensor } from "../../src/checkpoint/tensors/state_dict.ts";
import { readTorchZip } from "../../src/checkpoint/torch/torch_zip.ts";
import { encodeTrainingState } from "../../src/checkpoint/training/state.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { loadModel } from "../../src/models/load.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import { command } from "../../tools/export.ts";
import { execute } from "../../tools/support/command.ts";
import { describe } from "../checkpoint/support.ts";

/** Runs the tool and returns its exit code and output. */
async function run(...argv: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const { log, error } = console;
  console.log = console.error = (...args: unknown[]) => void lines.push(args.map(String).join(" "));
  try {
    return { code: await execute(command, argv), text: lines.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

const CONFIG = { arch: "od_resnet20", kernelNum: 2, reduction: 0.5, numClasses: 7 };
const METADATA = encodeMetadata(CONFIG, { source: "mine", sha256: "0" });

/** A folder with a model in "last.safetensors". */
async function withModel(work: (folder: string, tensors: StateDict) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const tensors = createModel(CONFIG).stateDict();
    await writeSafetensors(`${folder}/last.safetensors`, tensors, METADATA);
    await work(folder, tensors);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What train writes beside a model: weights that are all twos, and of some parameters something that is all ones. */
function stateOf(tensors: StateDict, remembered: readonly string[]): StateDict {
  const filled = ({ shape, dtype }: Tensor, value: number): Tensor => {
    const count = shape.reduce((n, d) => n * d, 1);
    const values = dtype === "I64" ? BigInt64Array.of(BigInt(value)) : new Float32Array(count).fill(value);
    return { shape, dtype, read: () => Promise.resolve(new Uint8Array(values.buffer)) };
  };
  return new Map([
    ...[...tensors].map(([name, tensor]): [string, Tensor] => [name, filled(tensor, 2)]),
    ...remembered.map((key): [string, Tensor] => [key, filled(tensors.get(key.split("/")[0])!, 1)]),
  ]);
}

async function readTorch(path: string): Promise<Map<string, unknown>> {
  const source = await fromFile(path);
  try {
    return await readTorchZip(source) as Map<string, unknown>;
  } finally {
    source.close?.();
  }
}

async function assertHolds(path: string, expected: StateDict, key?: string): Promise<void> {
  const { tensors, close } = await openCheckpoint(path, { key });
  assertEquals(describe(tensors), describe(expected));
  for (const [name, tensor] of tensors) assertEquals(await tensor.read(), await expected.get(name)!.read(), name);
  close();
}

Deno.test("`export` names the file when nothing tells its architecture", () =>
  withModel(async (folder, tensors) => {
    const path = `${folder}/nonsense.safetensors`;
    for (
      const [metadata, message] of [[{ ...METADATA, kernel_num: "many" }, 'metadata kernel_num is "many"'], [
        {},
        "",
      ]] as const
    ) {
      const few = new Map([...tensors].slice(0, message ? undefined : 1));
      await writeSafetensors(path, few, metadata);
      const { code, text } = await run(path, "--out", `${folder}/x.pth`);
      assertEquals(code, 1);
      assertStringIncludes(text, `error: nonsense.safetensors: ${message || "these 1 tensors"}`);
    }
  }));

Deno.test("`export` carries how the model is used where the format has a place for it, and convert reads it", () =>
  withModel(async (folder, tensors) => {
    const { inference } = createModel(CONFIG, {
      imageSize: 40,
      interpolation: "bicubic",
      temperature: 3,
      classNames: Array.from("abcdefg"),
      source: "a test",
    });
    const source = `${folder}/used.safetensors`;
    await writeSafetensors(source, tensors, {
      ...encodeMetadata(CONFIG, { source: "x", sha256: "12" }, inference),
      step: "7",
    });
    for (const extension of [".pth.tar", ".safetensors", ".pth"]) {
      const out = `${folder}/out${extension}`;
      assertEquals((await run(source, "--out", out)).code, 0);
      const model = await loadModel(out);
      assertEquals(model.inference, extension === ".pth" ? createModel(CONFIG).inference : inference);
      model.close();
    }
    const { metadata, close } = await openCheckpoint(`${folder}/out.safetensors`);
    close();
    assertEquals([metadata.source, metadata.source_sha256, metadata.step], ["x", "12", "7"]);
    assertEquals([...(await readTorch(`${folder}/out.pth`)).keys()], [...tensors.keys()]);
    const { inference_config: _, ...older } = METADATA;
    await writeSafetensors(source, tensors, older);
    assertEquals((await run(source, "--out", `${folder}/new.safetensors`)).code, 0);
    const described = await openCheckpoint(`${folder}/new.safetensors`);
    described.close();
    assertEquals(described.metadata, METADATA);
  }));

for (const extension of [".pth.tar", ".pth", ".safetensors"]) {
  Deno.test(`\`export\` writes every tensor of the model, byte for byte, when --out ends in ${extension}`, () =>
    withModel(async (folder, tensors) => {
      const out = `${folder}/new/out${extension}`;
      const { code, text } = await run(`${folder}/last.safetensors`, "--out", out);
      assertEquals(code, 0, text);
      assertMatch(
        text,
        /^read {5}last\.safetensors \(od_resnet20, \d+ tensors, 0\.\d+ million parameters\)\nwritten {2}/,
      );
      await assertHolds(out, tensors);
    }));
}

Deno.test("`export` writes a checkpoint of a run that begins when there is no training state", () =>
  withModel(async (folder, tensors) => {
    assertEquals((await run(`${folder}/last.safetensors`, "--out", `${folder}/x.pth.tar`)).code, 0);
    const checkpoint = await readTorch(`${folder}/x.pth.tar`);
    assertEquals([...checkpoint.keys()], ["epoch", "arch", "state_dict", "best_acc", "optimizer", "inference_config"]);
    assertEquals(["epoch", "arch", "best_acc"].map((key) => checkpoint.get(key)), [0, "od_resnet20", 0]);
    const names = [...(checkpoint.get("state_dict") as Map<string, unknown>).keys()];
    assertEquals(names, [...tensors.keys()].map((name) => `module.${name}`));
    const optimizer = checkpoint.get("optimizer") as Map<string, unknown>;
    assertEquals(optimizer.get("state"), new Map());
    const [group] = optimizer.get("param_groups") as Map<string, unknown>[];
    assertEquals(["lr", "momentum", "weight_decay"].map((key) => group.get(key)), [0.1, 0.9, 1e-4]);
    const trainable = [...tensors.keys()].filter((name) => !/running_|num_batches/.test(name));
    assertEquals(group.get("params"), trainable.map((_, i) => i));
  }));

Deno.test("`export` takes the training state beside the model, or the one that --state names", () =>
  withModel(async (folder, tensors) => {
    const parameters = ["conv1.weight", "bn1.weight", "fc.bias"];
    const state = stateOf(tensors, parameters.map((name) => `${name}/momentum_buffer`));
    const write = (name: string, epoch: number) => {
      const settings = { type: "SGD", arguments: { lr: 0.25, momentum: 0.5, nesterov: true } } as const;
      const metadata = encodeTrainingState({ epoch, step: 100, bestAccuracy: 61.5 }, settings);
      return writeSafetensors(`${folder}/${name}`, state, metadata);
    };
    await write("last.state.safetensors", 4);
    await write("other.safetensors", 5);
    for (const [epoch, args] of [[4, []], [5, ["--state", `${folder}/other.safetensors`]]] as const) {
      const { code, text } = await run(`${folder}/last.safetensors`, "--out", `${folder}/x.pth.tar`, ...args);
      assertEquals(code, 0, text);
      assertStringIncludes(text, `(SGD after 100 steps, epoch ${epoch}, best 61.5 %)`);
      const checkpoint = await readTorch(`${folder}/x.pth.tar`);
      assertEquals([checkpoint.get("epoch"), checkpoint.get("best_acc")], [epoch, 61.5]);
      const optimizer = checkpoint.get("optimizer") as Map<string, unknown>;
      const [group] = optimizer.get("param_groups") as Map<string, unknown>[];
      assertEquals(["lr", "momentum", "nesterov"].map((key) => group.get(key)), [0.25, 0.5, true]);
      const kept = optimizer.get("state") as Map<number, Map<string, Tensor>>;
      const last = (group.get("params") as number[]).at(-1)!;
      assertEquals([...kept.keys()], [0, 1, last]);
      assertEquals(kept.get(0)!.get("momentum_buffer")!.shape, [16, 3, 3, 3]);
      assertEquals(checkpoint.has("state_dict_ema"), false);
      await assertHolds(`${folder}/x.pth.tar`, stateOf(tensors, []));
    }
  }));

Deno.test("`export` writes averaged weights beside the trained ones when the run keeps averages", () =>
  withModel(async (folder, tensors) => {
    const metadata = encodeTrainingState({ epoch: 1, step: 9, bestAccuracy: 5 }, { type: "AdamW", arguments: {} });
    const keys = ["exp_avg", "exp_avg_sq", "average"].map((key) => `fc.weight/${key}`);
    await writeSafetensors(`${folder}/last.state.safetensors`, stateOf(tensors, keys), metadata);
    const out = `${folder}/x.pth.tar`;
    const { code, text } = await run(`${folder}/last.safetensors`, "--out", out);
    assertEquals(code, 0, text);
    await assertHolds(out, stateOf(tensors, []), "state_dict");
    await assertHolds(out, tensors, "state_dict_ema");
    const optimizer = (await readTorch(out)).get("optimizer") as Map<string, unknown>;
    const [[, kept]] = optimizer.get("state") as Map<number, Map<string, Tensor>>;
    assertEquals([...kept.keys()], ["step", "exp_avg", "exp_avg_sq"]);
  }));

Deno.test("`export` keeps half precision unless --dtype says f32, and counters always", () =>
  withModel(async (folder) => {
    const out = (name: string) => `${folder}/${name}.pth`;
    await run(`${folder}/last.safetensors`, "--out", out("half"), "--dtype", "f16");
    await run(out("half"), "--out", out("kept"));
    await run(out("half"), "--out", out("wide"), "--dtype", "f32");
    const types = await Promise.all(["half", "kept", "wide"].map(async (name) => {
      const { tensors, close } = await openCheckpoint(out(name));
      close();
      return [...new Set([...tensors.values()].map(({ dtype }) => dtype))];
    }));
    assertEquals(types, [["F16", "I64"], ["F16", "I64"], ["F32", "I64"]]);
  }));

Deno.test("`export` exits 1 and writes nothing when the state is another model's or the model does not fit", () =>
  withModel(async (folder, tensors) => {
    const model = `${folder}/last.safetensors`, out = `${folder}/x.pth.tar`;
    const settings = { type: "SGD", arguments: {} } as const;
    const metadata = encodeTrainingState({ epoch: 1, step: 1, bestAccuracy: 1 }, settings);
    const foreign: [string, Tensor] = ["head.weight/momentum_buffer", tensors.get("fc.weight")!];
    await writeSafetensors(`${folder}/s.safetensors`, new Map([...tensors, foreign]), metadata);
    await writeSafetensors(`${folder}/part.safetensors`, new Map([...tensors].slice(1)), metadata);
    await writeSafetensors(`${folder}/bad.safetensors`, new Map([...tensors].slice(1)), METADATA);
    const cases: [args: string[], message: string][] = [
      [[model, "--state", `${folder}/s.safetensors`], "the training state is another model's: head.weight"],
      [[model, "--state", `${folder}/part.safetensors`], "part.safetensors: 1 tensor does not fit the model"],
      [[model, "--state", model], "last.safetensors: no state of a training run: its metadata names no optimizer"],
      [[model, "--state", `${folder}/none`], "there is no such file"],
      [[`${folder}/bad.safetensors`], "1 missing:\n  conv1.weight [16, 3, 3, 3]"],
      [[`${folder}/none.pth`], "there is no such file"],
    ];
    for (const [args, message] of cases) {
      const { code, text } = await run(...args, "--out", out);
      assertEquals(code, 1, text);
      assertStringIncludes(text, message);
    }
    assertEquals([...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith("x.")), []);
  }));

Deno.test("`export` exits 2 when it is used wrongly", async () => {
  const cases: [args: string[], message: string][] = [
    [["--out", "a.pth"], "one NAME or FILE is needed, there are 0"],
    [["a", "b", "--out", "a.pth"], "one NAME or FILE is needed, there are 2"],
    [["a"], "--out is needed"],
    [["a", "--out", "a.onnx"], '--out takes a file ending in .pth.tar, .pth or .safetensors, not "a.onnx"'],
    [["a", "--out", "a.pth", "--state", "s"], "--state goes into a .pth.tar only"],
    [["a", "--out", "a.pth", "--dtype", "f8"], "--dtype takes f32 or f16"],
    [["hf:a/b", "--out", "a.pth"], "convert it first"],
  ];
  for (const [args, message] of cases) {
    const { code, text } = await run(...args);
    assertEquals(code, 2, text);
    assertStringIncludes(text, message);
  }
});
