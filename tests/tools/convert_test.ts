import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { toFloat32 } from "../../src/checkpoint/tensors/float32.ts";
import { type Checkpoint, openCheckpoint } from "../../src/checkpoint/open.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { createModel } from "../../src/models/model/model.ts";
import type { ModelConfig } from "../../src/models/architectures/registry.ts";
import { startHub } from "../checkpoint/hub_server.ts";
import { describe, fixture, kind } from "../checkpoint/support.ts";

const TOOL = fileURLToPath(new URL("../../tools/convert.ts", import.meta.url));
/** The permissions of the project's own task. A request for another permission ends the test. */
const HF = ["HF_TOKEN", "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HOME"];
const PERMISSIONS = ["--allow-read", "--allow-write", "--allow-net", "--allow-sys=homedir", `--allow-env=${HF.join()}`];

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line in a folder of its own, which is removed afterwards. */
async function withConvert(
  work: (convert: (...args: string[]) => Promise<Outcome>, folder: string) => Promise<void>,
  env: Record<string, string> = {},
  permissions = PERMISSIONS,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const convert = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", ...permissions, TOOL, ...args],
      cwd: folder,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
    }).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  };
  try {
    await work(convert, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function withCheckpoint(path: string, work: (checkpoint: Checkpoint) => Promise<void>): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    await work(checkpoint);
  } finally {
    checkpoint.close();
  }
}

/** Checkpoints that PyTorch wrote of whole networks, and what has to be read off each. */
const NETWORKS = [
  [
    fixture("od_resnet20.pth.tar"),
    { arch: "od_resnet20", kernelNum: 4, reduction: 0.5, numClasses: 10 },
    "od_resnet20_4x",
  ],
  [
    fixture("legacy_od_mobilenetv2_050.pth"),
    { arch: "od_mobilenetv2_050", kernelNum: 1, reduction: 0.0625, numClasses: 11 },
    "od_mobilenetv2_050_1x_11c",
  ],
  // Lazy signs, attributes, subclasses, other types; objects, unreadable tensors and bytes beside them.
  [kind("legacy_network.pth"), { arch: "resnet20", kernelNum: 1, reduction: 0.0625, numClasses: 10 }, "resnet20"],
  [kind("whole_network.pth"), { arch: "resnet20", kernelNum: 1, reduction: 0.0625, numClasses: 10 }, "resnet20"],
  [fixture("resnet18.pth"), { arch: "resnet18", kernelNum: 1, reduction: 0.0625, numClasses: 1000 }, "resnet18"],
] as const;

for (const [path, config, name] of NETWORKS) {
  const file = path.replace(/^.*\//, "");
  Deno.test(`\`convert\` writes every tensor of ${file}, and what it is, when given no flags`, () =>
    withConvert(async (convert, folder) => {
      const { code, stdout, stderr } = await convert(path);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      assertStringIncludes(stdout, `written  weights/${name}.safetensors`);
      assertStringIncludes(stdout, `next     deno task eval --weights ${name} --data`);

      await withCheckpoint(`${folder}/weights/${name}.safetensors`, async ({ tensors, metadata }) => {
        const spec = createModel(config).stateDictSpec();
        assertEquals(describe(tensors), spec.map((t) => `${t.name} ${t.dtype} [${t.shape.join(", ")}]`));
        for (const [i, [key, tensor]] of [...tensors].entries()) {
          if (tensor.dtype === "I64") assertEquals((await tensor.read())[0], 7, key);
          else assert((await toFloat32(tensor)).every((x) => x === i % 64 / 64 - 0.5), key);
        }
        assertEquals(metadata.architecture, config.arch);
        assertEquals(metadata.kernel_num, String(config.kernelNum));
        assertEquals(metadata.reduction, String(config.reduction));
        assertEquals(metadata.num_classes, String(config.numClasses));
        assertEquals(metadata.source, file);
        const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
        assertEquals(metadata.source_sha256, new Uint8Array(digest).toHex());
      });
    }));
}

Deno.test("`convert` halves the file with --dtype f16, and takes its own output as a source", () =>
  withConvert(async (convert, folder) => {
    assertEquals((await convert(fixture("od_resnet20.pth.tar"), "--out", "full.safetensors")).code, 0);
    const { code, stdout } = await convert("full.safetensors", "--dtype", "f16", "--out", "deep/half.safetensors");
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, "--weights deep/half.safetensors");
    await withCheckpoint(`${folder}/deep/half.safetensors`, async ({ tensors, metadata }) => {
      // A reduction that the shapes alone would say as well, taken from the metadata.
      assertEquals(metadata.reduction, "0.5");
      assertEquals(new Set([...tensors.values()].map(({ dtype }) => dtype)), new Set(["F16", "I64"]));
      assertEquals((await toFloat32(tensors.get("bn1.weight")!))[0], 1 / 64 - 0.5);
    });
    const [full, half] = ["full.safetensors", "deep/half.safetensors"].map((f) => Deno.statSync(`${folder}/${f}`).size);
    assert(half < full * 0.51, `${half} of ${full}`);
  }));

Deno.test("`convert` lists what does not fit, exits 1 and writes nothing", () =>
  withConvert(async (convert, folder) => {
    const tensors = createModel({ arch: "resnet20" }).stateDict();
    const fc = tensors.get("fc.weight")!;
    tensors.delete("bn1.weight");
    tensors.set("extra.weight", fc);
    tensors.set("fc.bias", { ...fc, shape: [1, 640] });
    await writeSafetensors(`${folder}/bad.safetensors`, tensors, {});
    const { code, stdout, stderr } = await convert("bad.safetensors");
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    for (
      const line of [
        "bad.safetensors: 3 tensors do not fit the model",
        "1 missing:\n  bn1.weight [16]",
        "1 unexpected:\n  extra.weight [10, 64]",
        "fc.bias: the model needs F32 [10], the file has F32 [1, 640]",
      ]
    ) assertStringIncludes(stderr, line);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["bad.safetensors"]);
  }));

Deno.test("`convert` lets flags override what it reads off the checkpoint", () =>
  withConvert(async (convert, folder) => {
    const other = await convert(fixture("od_resnet20.pth.tar"), "--kernel-num", "2");
    assertEquals(other.code, 1);
    assertStringIncludes(other.stderr, "the model needs F32 [2, 16, 16, 3, 3], the file has F32 [4, 16, 16, 3, 3]");
    // A reduction the shapes allow as well.
    const { code } = await convert(fixture("od_resnet20.pth.tar"), "--reduction", "0.51", "--out", "x.safetensors");
    assertEquals(code, 0);
    await withCheckpoint(`${folder}/x.safetensors`, ({ metadata }) => {
      assertEquals(metadata.reduction, "0.51");
      return Promise.resolve();
    });
  }));

Deno.test("`convert` overwrites what came from the same source, and nothing else unless --out names it", () =>
  withConvert(async (convert, folder) => {
    const save = (file: string, config: ModelConfig, metadata = {}) =>
      writeSafetensors(`${folder}/${file}`, createModel(config).stateDict(), metadata);
    await save("ten.safetensors", { arch: "resnet20" });
    await save("other.safetensors", { arch: "resnet20" }, { note: "of another hash" });
    await save("seven.safetensors", { arch: "resnet20", numClasses: 7 });
    const written = async (...args: string[]) => {
      const { code, stdout, stderr } = await convert(...args);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      return /written +(\S+)/.exec(stdout)?.[1];
    };
    const usual = "weights/resnet20.safetensors";
    assertEquals(await written("ten.safetensors"), usual);
    assertEquals(await written("seven.safetensors"), "weights/resnet20_7c.safetensors");
    assertEquals(await written("ten.safetensors", "--dtype", "f16"), usual);
    const before = await Deno.readFile(`${folder}/${usual}`);
    assertEquals(await convert("other.safetensors"), {
      code: 1,
      stdout: "",
      stderr: `error: ${usual} is there already, converted from another source, ten.safetensors; ` +
        "name the file to write with --out, the same one to replace it\n",
    });
    assertEquals(await Deno.readFile(`${folder}/${usual}`), before);
    assertEquals(await written("other.safetensors", "--out", usual), usual);
    await Deno.writeTextFile(`${folder}/${usual}`, "my notes");
    const { code, stderr } = await convert("ten.safetensors");
    assertEquals(code, 1);
    assertStringIncludes(stderr, `${usual} is there already, of unknown origin`);
  }));

Deno.test("`convert` reads from the hub with the task's permissions", async () => {
  using server = startHub({ "net.pth.tar": await Deno.readFile(fixture("od_resnet20.pth.tar")) }, {
    token: "secret",
  });
  const cache = await Deno.makeTempDir();
  const env = { HF_ENDPOINT: server.endpoint, HF_TOKEN: "secret", HF_HUB_CACHE: cache };
  await withConvert(async (convert, folder) => {
    const { code, stdout, stderr } = await convert("hf:me/net", "--out", "x.safetensors");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assertStringIncludes(stdout, "read     hf:me/net/net.pth.tar");
    await withCheckpoint(`${folder}/x.safetensors`, ({ metadata }) => {
      assertEquals(metadata.source, "hf:me/net/net.pth.tar");
      return Promise.resolve();
    });
  }, env);
  await Deno.remove(cache, { recursive: true });
});

Deno.test("`convert` says where a published model is, when given its name", () =>
  withConvert(async (convert) => {
    const all = await convert("od_resnet50");
    assertEquals(all.code, 0);
    assertEquals(all.stdout.match(/https:\/\/drive\.google\.com\S+/g)?.length, 2);
    assertStringIncludes(all.stdout, "deno task convert THE_FILE_YOU_SAVED");
    const one = await convert("od_resnet50_4x");
    assertEquals(one.stdout.match(/https:\/\/drive\.google\.com\S+/g)?.length, 1);
    assertStringIncludes(one.stdout, "kernel_num 4: top-1 78.5%");
    const none = await convert("resnet34");
    assertEquals(none.code, 1);
    assertStringIncludes(none.stderr, "the authors publish no resnet34");
  }));

Deno.test("`convert` exits 2 when it is used wrongly, 1 when there is no such file", () =>
  withConvert(async (convert) => {
    const cases: [args: string[], message: string][] = [
      [[], "one SOURCE is needed"],
      [["a", "b"], "one SOURCE is needed"],
      [["a.pth", "--dtype", "f8"], "--dtype takes f32 or f16"],
      [["a.pth", "--kernel-num", "0"], "--kernel-num takes a whole number"],
      [["a.pth", "--reduction", "0"], "--reduction takes a number"],
      [["a.pth", "--arch", "vgg"], "--arch takes resnet18 or"],
      [["a.pth", "--quiet"], "there is no option --quiet"],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await convert(...args);
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, message);
    }
    const unknown = await convert("resnet152");
    assertEquals(unknown.code, 1);
    assertStringIncludes(
      unknown.stderr,
      "resnet152: there is no such file, and no such model: published are resnet18",
    );
    const { code, stderr } = await convert("a.pth");
    assertEquals(code, 1);
    assertMatch(stderr, /^error: a\.pth: there is no such file\. Tasks run in .+, where relative paths begin\n$/);
  }));

Deno.test("`convert` needs no more than the files it reads and writes when the source is a file", () =>
  withConvert(
    async (convert) => {
      const { code, stderr } = await convert(fixture("od_resnet20.pth.tar"));
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
    },
    {},
    ["--allow-read", "--allow-write=weights"],
  ));
