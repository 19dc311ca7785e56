/** Tests how a model's inference settings pass from files and flags to results. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { CheckpointError, DataError } from "../../src/errors.ts";
import { readReport } from "../../src/evaluation/report_file.ts";
import { usualInference } from "../../src/models/config/inference_config.ts";
import { createModel } from "../../src/models/model/model.ts";
import { command as convert } from "../../tools/convert.ts";
import { UsageError } from "../../tools/support/command.ts";
import { parseConfigFlags } from "../../tools/support/config_flags.ts";
import { startHub } from "../checkpoint/hub_server.ts";
import { fixture } from "../checkpoint/support.ts";
import { randomPng, writeRandomModel } from "../support/random_inputs.ts";
import { runTask } from "../support/run_task.ts";
import { withFolder } from "../support/folders.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TEN = Array.from({ length: 10 }, (_, i) => `class of ${i}`);

/** Runs a tool with its task's permissions in a folder. */
async function runIn(cwd: string, env: Record<string, string>, task: string, ...args: string[]) {
  const command: string = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)).tasks[task].command;
  const permissions = command.split(" ").filter((word) => word.startsWith("--allow"));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, `${ROOT}tools/${task}.ts`, ...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function inferenceIn(path: string) {
  const { metadata, close } = await openCheckpoint(path);
  close();
  return JSON.parse(metadata.inference_config);
}

Deno.test("parseConfigFlags() says how a model is used, and what it does not take", async () => {
  const model = createModel({ arch: "resnet18", numClasses: 10 });
  const used = async (flags: Record<string, string>) => (await parseConfigFlags(flags))(model).inference;
  assertEquals(await used({}), usualInference(model.config));
  const { source, ...all } = await used({
    size: "288",
    "crop-pct": "0.95",
    interpolation: "bicubic",
    mean: "0.5",
    std: "0.1,0.2,0.3",
  });
  assertEquals(all, {
    imageSize: 288,
    resize: 303,
    interpolation: "bicubic",
    mean: [0.5, 0.5, 0.5],
    std: [0.1, 0.2, 0.3],
    temperature: 1,
    classNames: undefined,
  });
  assertEquals(
    source,
    "resnet18's own; --size 288 --crop-pct 0.95 --interpolation bicubic --mean 0.5 --std 0.1,0.2,0.3",
  );
  assertEquals((await used({ size: "64" })).resize, 73);
  const wrong: readonly (readonly [flags: Record<string, string>, message: string])[] = [
    [{ size: "0" }, "--size takes a whole number from 1 to 4096"],
    [{ size: "224x224" }, "--size takes"],
    [{ resize: "70000" }, "--resize takes"],
    [{ "crop-pct": "87.5" }, "--crop-pct is 87.5, expected a finite number from 0.1 to 10"],
    [{ resize: "256", "crop-pct": "0.9" }, "--resize and --crop-pct say the same thing"],
    [{ interpolation: "nearest" }, "--interpolation takes bilinear or bicubic"],
    [{ mean: "123.675,116.28,103.53" }, "--mean is [123.675,116.28,103.53], expected three numbers from 0 to 1"],
    [{ mean: "0.5,0.5" }, "--mean takes three numbers"],
    [{ std: "a,b,c" }, "--std takes three numbers"],
    [{ std: "0" }, "--std is [0,0,0], expected"],
  ];
  for (const [flags, message] of wrong) await assertRejects(() => used(flags), UsageError, message);
});

Deno.test("--class-names takes a name a line, a list and an object, and says what else a file holds", () =>
  withFolder(async (folder) => {
    const model = createModel({ arch: "resnet20" });
    const namesOf = async (text: string) => {
      await Deno.writeTextFile(`${folder}/names.txt`, text);
      return (await parseConfigFlags({ "class-names": `${folder}/names.txt` }))(model).classNames;
    };
    const right = [
      TEN.join("\n"),
      `\ufeff${TEN.join("\r\n")}\r\n\r\n`,
      JSON.stringify(TEN, null, 2),
      JSON.stringify({ ...TEN }),
      JSON.stringify(Object.fromEntries(Object.entries(TEN).reverse())),
    ];
    for (const text of right) assertEquals(await namesOf(text), TEN);
    const path = `${folder}/names.txt`;
    const wrong: readonly (readonly [text: string, message: string])[] = [
      ["a\n\nc", `${path}: class 1 has no name`],
      ['["a", 7]', `${path}: class 1 has no name`],
      ["[a]", `${path}: begins as JSON and is none`],
      ['{"0": "a", "2": "c"}', `${path}: expected a list of names`],
      ['{"names": ["a"]}', `${path}: expected a list of names`],
      ["", `${path}: class 0 has no name`],
    ];
    for (const [text, message] of wrong) await assertRejects(() => namesOf(text), DataError, message);
    await assertRejects(() => namesOf("a\nb\nc"), CheckpointError, `${path}: 3 class names, expected 10`);
    await assertRejects(() => namesOf("x".repeat(2000)), CheckpointError, "for class 0");
    await assertRejects(() => parseConfigFlags({ "class-names": `${folder}/none` }), DataError, "no such file");
  }));

Deno.test("what convert is told is in the file; inspect shows it, classify and eval obey it and flags override it", () =>
  withFolder(async (folder) => {
    await writeRandomModel(`${folder}/random.safetensors`);
    await Deno.writeTextFile(`${folder}/names.txt`, TEN.join("\n"));
    const flags = ["--size", "24", "--resize", "30", "--interpolation", "bicubic", "--class-names", "names.txt"];
    const outcome = await runIn(folder, {}, "convert", "random.safetensors", ...flags, "--out", "w.safetensors");
    assertEquals([outcome.code, outcome.stderr], [0, ""]);
    assertStringIncludes(
      outcome.stdout,
      "images   24x24, the middle after the shorter side was resized to 30 (bicubic)",
    );
    assertStringIncludes(outcome.stdout, "classes  class of 0; class of 1; class of 2; ... (10)");
    const weights = `${folder}/w.safetensors`;
    assertEquals(await inferenceIn(weights), {
      image_size: 24,
      resize: 30,
      interpolation: "bicubic",
      mean: [0.4914, 0.4822, 0.4465],
      std: [0.247, 0.2435, 0.2616],
      temperature: 1,
      class_names: TEN,
      source: "od_resnet20's own; --size 24 --resize 30 --interpolation bicubic --class-names names.txt",
    });

    const inspected = await runTask("inspect", weights);
    assertStringIncludes(inspected.stdout, "images         24x24, the middle after the shorter side was resized to 30");
    assertStringIncludes(inspected.stdout, "class names    class of 0; class of 1; class of 2; ... (10)");
    assertEquals(JSON.parse((await runTask("inspect", weights, "--json")).stdout).inference.classNames, TEN);

    await Deno.mkdir(`${folder}/data/0`, { recursive: true });
    for (let i = 0; i < 3; i++) await Deno.writeFile(`${folder}/data/0/${i}.png`, randomPng(i));
    const classify = async (...args: string[]) => {
      const given = [
        `${folder}/data/0/0.png`,
        "--weights",
        weights,
        "--device",
        "cpu",
        "--json",
        "--top",
        "1",
        ...args,
      ];
      const { code, stdout, stderr } = await runTask("classify", ...given);
      assertEquals([code, stderr], [0, ""]);
      return JSON.parse(stdout)[0].top[0] as { class: number; name: string; logit: number };
    };
    const evaluate = async (...args: string[]) => {
      const report = `${folder}/report.json`;
      const given = ["--weights", weights, "--data", `${folder}/data`, "--device", "cpu", "--report", report, ...args];
      const { code, stdout, stderr } = await runTask("eval", ...given);
      assertEquals([code, stderr], [0, ""]);
      return { stdout, report: await readReport(report) };
    };
    const usual = await classify();
    assertEquals(usual.name, `class of ${usual.class}`);
    const { stdout, report } = await evaluate();
    assertStringIncludes(stdout, "images   24x24, the middle after the shorter side was resized to 30 (bicubic)");
    assertEquals(report.inference?.imageSize, 24);
    assertEquals(report.predictions[0].top5[0].class, usual.class);
    assert(Math.abs(report.predictions[0].top5[0].logit - usual.logit) < 1e-5);

    await Deno.writeTextFile(`${folder}/other.txt`, TEN.toReversed().join("\n"));
    const override = ["--size", "32", "--crop-pct", "1", "--interpolation", "bilinear"];
    const other = await classify(...override, "--class-names", `${folder}/other.txt`);
    assertEquals(other.name, `class of ${9 - other.class}`);
    assert(Math.abs(other.logit - usual.logit) > 1e-4);
    const { report: overridden } = await evaluate(...override);
    assertEquals([overridden.inference?.imageSize, overridden.inference?.resize], [32, 32]);
    assert(Math.abs(overridden.predictions[0].top5[0].logit - other.logit) < 1e-5);
  }));

Deno.test("convert takes the config.json of a repository on the hub, with its task's permissions", () =>
  withFolder(async (folder) => {
    const config = {
      architecture: "resnet20",
      label_names: TEN,
      pretrained_cfg: { input_size: [3, 40, 40], crop_pct: 0.9, interpolation: "bicubic" },
    };
    using server = startHub({
      "net.pth.tar": await Deno.readFile(fixture("od_resnet20.pth.tar")),
      "config.json": new TextEncoder().encode(JSON.stringify(config)),
    });
    const env = { HF_ENDPOINT: server.endpoint, HF_TOKEN: "", HF_HUB_CACHE: `${folder}/cache` };
    const { code, stderr } = await runIn(
      folder,
      env,
      "convert",
      "hf:me/net",
      "--resize",
      "41",
      "--out",
      "x.safetensors",
    );
    assertEquals([code, stderr], [0, ""]);
    const { image_size, resize, interpolation, class_names, source } = await inferenceIn(`${folder}/x.safetensors`);
    assertEquals([image_size, resize, interpolation, class_names], [40, 41, "bicubic", TEN]);
    assertEquals(source, "od_resnet20's own; hf:me/net/config.json; --resize 41");
  }));

Deno.test("a file that is called like a published model is converted, and inspected", () =>
  withFolder(async (folder) => {
    await Deno.copyFile(fixture("od_resnet20.pth.tar"), `${folder}/od_resnet50`);
    const { code, stdout } = await runIn(folder, {}, "convert", "od_resnet50", "--out", "x.safetensors");
    assertEquals(code, 0);
    assertStringIncludes(stdout, "read     od_resnet50 (torch zip");
    assertEquals((await inferenceIn(`${folder}/x.safetensors`)).image_size, 32);
    const inspected = await runIn(folder, {}, "inspect", "od_resnet50");
    assertStringIncludes(inspected.stdout, "od_resnet20, kernel_num 4");
  }));

Deno.test("where a file is not there, every task says which folder it runs in, unless its path is whole", async () => {
  const hint = `. Tasks run in ${ROOT.slice(0, -1)}, where relative paths begin`;
  const model = ["--weights", "od_resnet20_cifar10", "--device", "cpu"];
  const cases: readonly (readonly [task: string, ...args: string[]])[] = [
    ["convert", "none.pth"],
    ["convert", "none"],
    ["eval", "--weights", "none.pth"],
    ["eval", ...model, "--data", "none"],
    ["classify", "none.png", ...model],
    ["export", "none.pth", "--out", "x.pth"],
    ["train", "--resume", "none/run"],
  ];
  for (const args of cases) {
    const { code, stderr } = await runTask(...args);
    assertEquals(code, 1, stderr);
    assert(stderr.startsWith("error: none") && stderr.endsWith(`${hint}\n`), stderr);
  }
  const { stderr } = await runTask("convert", "/none/x.pth");
  assertEquals(stderr, "error: /none/x.pth: there is no such file\n");
});

Deno.test("`convert --help` says what the flags mean together", () => {
  assertStringIncludes(convert.help, "--resize is --size divided by X, rounded down");
});
