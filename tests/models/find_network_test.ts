import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { fromBytes } from "../../src/checkpoint/source/source.ts";
import type { DType, Tensor } from "../../src/checkpoint/tensors/state_dict.ts";
import { CheckpointError } from "../../src/errors.ts";
import { findNetwork, type FindOptions, type FoundNetwork } from "../../src/models/find/find_network.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import type { ModelConfig } from "../../src/models/architectures/registry.ts";
import { sha256, TRAINER_FILES, trainerFile } from "../checkpoint/trainers.ts";

/** The architecture of each file that is not a resnet20. */
const ARCH: Record<string, string> = {
  "od_encoder.pth": "od_resnet20",
  "torchvision_mobilenet.pth": "mobilenetv2_050",
  "parallel_features.pth": "mobilenetv2_050",
  "timm_mobilenet.pth": "mobilenetv2_050",
  "mmpretrain_mobilenet.pth": "mobilenetv2_050",
  "flat_mobilenet.pth": "mobilenetv2_050",
  "transformers_resnet.bin": "resnet18",
};

/** What a person is told; nothing of the others. */
const NOTES: Record<string, string[]> = {
  "averaged_model.pth": [
    "these weights are averages of those of a training run",
    "left out 1 entry that is no part of the network: n_averaged",
  ],
  "lightning.ckpt": ["left out 3 entries that are no part of the network: criterion.weight, val_acc.* (2)"],
  "extra_state.pth": ["left out 4 entries that are no part of the network: *._extra_state (4)"],
  "mmpretrain.pth": ["its classifier is called head.fc; it was taken as fc"],
  "linear.pth": ["its classifier is called linear; it was taken as fc"],
  "distiller.pth": ["left out 116 entries that are no part of the network: teacher.* (116)"],
  "timm.pth.tar": ["it also holds a resnet20; --key state_dict_ema takes that instead"],
  "ema_beside.pth": [
    "it also holds a resnet20; --prefix ema. takes that instead",
    "left out 116 entries that are no part of the network: ema.* (116)",
  ],
  "timm_mobilenet.pth": ["its tensors have the names of timm; they were renamed"],
  "mmpretrain_mobilenet.pth": [
    "its tensors have the names of mmpretrain; they were renamed",
    "its classifier is called head.fc; it was taken as classifier.1",
  ],
  "flat_mobilenet.pth": ["its tensors have the names of older MobileNetV2 code; they were renamed"],
  "transformers_resnet.bin": [
    "its tensors have the names of transformers; they were renamed",
    "its classifier is called classifier.1; it was taken as fc",
  ],
};

for (const { file, tensors, ask, key = "", prefix = "", dropped = [], sha256: expected } of TRAINER_FILES) {
  Deno.test(`\`findNetwork()\` gives PyTorch's tensors of ${file}`, async () => {
    const checkpoint = await openCheckpoint(fromBytes(file, await trainerFile(file)), { key: ask?.key });
    const found = findNetwork(checkpoint, {}, { prefix: ask?.prefix });
    const { config: { arch }, dropped: left } = found;
    assertEquals({ key: found.key, prefix: found.prefix, arch }, { key, prefix, arch: ARCH[file] ?? "resnet20" });
    assertEquals([...left].sort(), [...dropped].sort());
    assertEquals(found.notes, NOTES[file] ?? []);
    assertEquals(found.tensors.size, tensors);
    assertEquals(await sha256(found.tensors), expected);
    checkpoint.close();
  });
}

/** A network's tensors of no values, with a prefix before each name, without those that are left out. */
function network(config: ModelConfig, prefix = "", without: readonly string[] = []): [string, Tensor][] {
  const spec = createModel(config).stateDictSpec().filter(({ name }) => !without.includes(name));
  return spec.map(({ name, shape, dtype }) => [prefix + name, tensor(shape, dtype)]);
}

function tensor(shape: readonly number[], dtype: DType = "F32"): Tensor {
  return { dtype, shape, read: () => Promise.reject(new CheckpointError("not to be read")) };
}

type Entries = readonly (readonly [string, Tensor])[];

/** Finds the network in state dicts by key. */
function find(
  dicts: Record<string, Entries>,
  options: FindOptions = {},
  given: Partial<ModelConfig> = {},
): FoundNetwork {
  const stateDicts = Object.entries(dicts).map(([key, entries]) => ({ key, tensors: new Map(entries), rest: [] }));
  return findNetwork({ name: "x", metadata: {}, stateDicts }, given, options);
}

function fails(dicts: Record<string, Entries>, options: FindOptions = {}): string[] {
  return assertThrows(() => find(dicts, options), CheckpointError).message.split("\n");
}

const R20 = { arch: "resnet20", numClasses: 5 };
const HEAD = ["fc.weight", "fc.bias"];
const layer = (name: string, rows: number, columns: number): [string, Tensor][] => [
  [`${name}.weight`, tensor([rows, columns])],
  [`${name}.bias`, tensor([rows])],
];

Deno.test("`findNetwork()` takes the one under a usual name, with a line, and asks where no name is usual", () => {
  const [one, other] = [network(R20), network(R20)];
  const named = find({ model: one, teacher: other });
  assertEquals([named.key, named.notes], ["model", ["it also holds a resnet20; --key teacher takes that instead"]]);
  const prefixed = find({ "": [...network(R20, "net."), ...network({ arch: "resnet18" }, "teacher.")] });
  assertEquals([prefixed.prefix, prefixed.notes], ["net.", [
    "it also holds a resnet18; --prefix teacher. takes that instead",
    "left out 122 entries that are no part of the network: teacher.* (122)",
  ]]);
  const asks = (...options: string[]) => [
    "x: it holds 2 networks, and nothing says which one is meant. These options of convert do, as do loadModel's key and " +
    "prefix:",
    ...options,
  ];
  const students = { "": [...network(R20, "student."), ...network({ arch: "resnet18" }, "teacher.")] };
  assertEquals(fails(students), asks("  --prefix teacher.: a resnet18", "  --prefix student.: a resnet20"));
  assertEquals(find(students, { prefix: "teacher" }).config.arch, "resnet18");
  assertEquals(fails({ a: one, b: other }), asks("  --key a: a resnet20", "  --key b: a resnet20"));
  // Averages and networks inside of losses are meant only where there is nothing else, and then with a line.
  assertEquals(find({ ema: one, other: network(R20) }).key, "other");
  assertEquals(find({ "": [...network(R20, "encoder."), ...network(R20, "criterion.net.")] }).prefix, "encoder.");
  assertEquals(find({ model_ema: one }).notes, ["these weights are averages of those of a training run"]);
  // A module that is stored under two names is one network.
  assertEquals(find({ last: one, best: one }).notes, []);
  const twice = find({
    "": [
      ...one.map(([name, t]) => [`model.${name}`, t] as const),
      ...one.map(([name, t]) => {
        return [`attacker.model.${name}`, t] as const;
      }),
    ],
  });
  assertEquals([twice.prefix, twice.dropped.length], ["model.", 116]);
});

Deno.test("`findNetwork()` never takes another network for one that is not known, without a line", () => {
  const vit: Entries = [["blocks.0.attn.qkv.weight", tensor([192, 64])], ["norm.weight", tensor([64])]];
  const keyed = find({ student: vit, teacher: network(R20) });
  assertEquals([keyed.key, keyed.notes], ["teacher", [
    "it also holds student, which is no network that is known here",
  ]]);
  const prefixed = find({
    "": [["student.blocks.0.attn.qkv.weight", tensor([192, 96])], ...network(R20, "teacher.")],
  });
  assertEquals([prefixed.prefix, prefixed.notes], ["teacher.", [
    "left out 1 entry that is no part of the network: student.blocks.0.attn.qkv.weight",
  ]]);
  // What looks like one counts: a student with attentions beside a teacher without.
  const se = network(R20, "student.");
  for (let i = 0; i < 9; i++) se.push([`student.layer1.${i % 3}.se${i}.fc1.weight`, tensor([4, 16])]);
  assertEquals(fails({ "": [...se, ...network(R20, "teacher.")] }).slice(1), [
    "  --prefix student.: what looks like a resnet20",
    "  --prefix teacher.: a resnet20",
  ]);
});

Deno.test("`findNetwork()` refuses a backbone alone, and takes the one layer that can be its classifier", () => {
  const backbone = network(R20, "backbone.", HEAD);
  assertEquals(fails({ "": backbone }), [
    "x: it holds a resnet20 without its classifier: no fc.weight [classes, 64] and no fc.bias. It is a backbone alone. In " +
    "PyTorch, load it into the whole network, with its classifier, and save that network's state dict",
  ]);
  const found = find({ "": [...backbone, ...layer("head.linear", 7, 64), ["criterion.weight", tensor([7])]] });
  assertEquals([found.config.numClasses, found.tensors.get("fc.weight")!.shape], [7, [7, 64]]);
  assertEquals(found.dropped, ["criterion.weight"]);
  const refused: [string, Entries][] = [
    ["head.0.weight [32, 64], head.2.weight [7, 32]", [...layer("head.0", 32, 64), ...layer("head.2", 7, 32)]],
    ["a.weight [7, 64], b.weight [3, 64]", [...layer("a", 7, 64), ...layer("b", 3, 64)]],
    ["head.weight [7, 128]", layer("head", 7, 128)],
    ["head.weight [7, 64]", layer("head", 7, 64).slice(0, 1)],
    ["head.weight [7, 64]", [["head.weight", tensor([7, 64])], ["head.bias", tensor([8])]]],
  ];
  for (const [what, entries] of refused) {
    assertStringIncludes(
      fails({ "": [...backbone, ...entries] })[0],
      `What is left over is not one layer of that shape: ${what}.`,
    );
  }
  // Anything between the two would be left out of the network.
  for (const name of ["pool.p", "neck.bn.running_mean"]) {
    const lines = fails({ "": [...backbone, [name, tensor([1])], ...layer("head", 7, 64)] });
    assertEquals(lines.slice(1, 3), ["1 unexpected:", `  ${name} [1]`]);
    assertStringIncludes(lines[3], "delete it from the state dict in PyTorch");
  }
  // Another network's head is not this one's.
  const both = [...network(R20, "student.body.", HEAD), ...network(R20, "teacher.body.", HEAD)];
  const heads = [...layer("student.head", 7, 64), ...layer("teacher.head", 9, 64)];
  assertEquals(find({ "": [...both, ...heads] }, { prefix: "student" }).config.numClasses, 7);
});

Deno.test("`findNetwork()` refuses what may be a part of the network, and says how to take the network alone", () => {
  const alone = (prefix: string) =>
    `What is unexpected may take part in the network's answer. If it does not, --prefix ${prefix} takes the network alone`;
  const deleted =
    "What is unexpected may take part in the network's answer. If it does not, delete it from the state dict in " +
    "PyTorch and save that";
  const cases: [what: string, entries: Entries, lines: string[]][] = [
    ["a layer behind the answer", [...network(R20, "net."), ["head.weight", tensor([3, 5])]], [alone("net.")]],
    ["another classifier", [...network(R20, "net."), ["head.weight", tensor([3, 64])]], [alone("net.")]],
    ["a layer before the image", [...network(R20, "net."), ["gray.weight", tensor([3, 1, 1, 1])]], [alone("net.")]],
    ["a layer beside the others", [...network(R20), ["fc2.weight", tensor([3, 99])]], [deleted]],
    ["squeeze-and-excitation", [...network(R20, "net."), ["net.layer1.0.se.fc1.weight", tensor([4, 16])]], [
      "It has squeeze-and-excitation, which the networks here do not have",
      deleted,
    ]],
    ["pruned layers", [...network(R20, "", ["conv1.weight"]), ["conv1.weight_orig", tensor([16, 3, 3, 3])]], [
      "Its layers are pruned or normalised by torch.nn.utils: call prune.remove(module, name), or " +
      "remove_spectral_norm(module), for each and save again",
      deleted,
    ]],
  ];
  for (const [what, entries, lines] of cases) assertEquals(fails({ "": entries }).slice(-lines.length), lines, what);
  assertEquals(find({ "": cases[0][1] }, { prefix: "net" }).dropped, ["head.weight"]);
});

Deno.test("`findNetwork()` leaves out, with a line, what trainers keep beside a network", () => {
  const names = [
    "queue_ptr",
    "val_metrics.auroc.preds",
    "loss_fn.centers",
    "ema_decay",
    "class_weights",
    "bn1._extra_state",
  ];
  const beside: [string, Tensor][] = names.map((name) => [name, tensor(name === "ema_decay" ? [] : [9, 64])]);
  const found = find({ "": [...network(R20), ...beside, ["counts", tensor([99, 5], "I64")]] });
  assertEquals(found.dropped, [...names, "counts"]);
  assertEquals(found.notes, [`left out 7 entries that are no part of the network: ${[...names, "counts"].join(", ")}`]);
  const normalizing = find({ "": [...network(R20, "1."), ["0.mean", tensor([1, 3, 1, 1])], ["0.std", tensor([3])]] });
  assertEquals(normalizing.notes, [
    "it normalises images inside the network (0.mean, 0.std); here that is preprocessing, whose mean and std have to be the same (--mean, --std)",
    "left out 2 entries that are no part of the network: 0.* (2)",
  ]);
});

Deno.test("`findNetwork()` leaves out what cannot be read beside the network, and refuses it inside with the remedy", () => {
  const sparse = { ...tensor([9, 9]), unreadable: "it is sparse. In PyTorch, save tensor.to_dense() instead" };
  const beside = find({ "": [...network(R20, "model."), ["adjacency", sparse], ["table", tensor([4, 4], "C64")]] });
  assertEquals(beside.dropped, ["adjacency", "table"]);
  const inside = network(R20, "model.", ["fc.weight"]);
  assertEquals(fails({ "": [...inside, ["model.fc.weight", { ...sparse, shape: [5, 64] }]] }).slice(1), [
    `1 cannot be taken, each because ${sparse.unreadable}:`,
    "  fc.weight [5, 64]",
  ]);
  assertStringIncludes(
    fails({ "": [...inside, ["model.fc.weight", tensor([5, 64], "F8_E5M2")]] })[1],
    "tensor.float()",
  );
  assertStringIncludes(fails({ "": [] })[0], "it holds no tensors, at most metadata");
});

Deno.test("`findNetwork()` holds a file that says what it is to its word", () => {
  const config = createModel(R20).config;
  const metadata = encodeMetadata(config, { source: "x", sha256: "" });
  const open = (entries: Entries) =>
    findNetwork({ name: "x", metadata, stateDicts: [{ key: "", tensors: new Map(entries), rest: [] }] });
  assertEquals(open(network(R20)).config, config);
  assertThrows(() => open(network(R20, "model.")), CheckpointError, "97 missing");
  assertThrows(
    () => open(network({ arch: "resnet18" })),
    CheckpointError,
    "These look like tensors of resnet18, not of resnet20",
  );
});

Deno.test("`findNetwork()` says what the names begin with where none has the prefix", () => {
  const message = fails({ model: network(R20, "module.net.") }, { prefix: "student." })[0];
  assertEquals(message, 'x: no tensor\'s name begins with "student."; they begin with net');
  for (const prefix of ["net", "net.", "module.net", "module.net.", ""]) {
    assertEquals(find({ model: network(R20, "module.net.") }, { prefix }).tensors.size, 116);
  }
});
