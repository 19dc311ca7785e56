/** Tests `eval` and `train` with various image folders: which classes the folders become, and what is reported. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { IMAGENET_WORDNET_IDS } from "../../src/data/labels/imagenet.ts";
import { readReport } from "../../src/evaluation/report_file.ts";
import { withFolder } from "../support/folders.ts";
import { randomPng, writeRandomModel } from "../support/random_inputs.ts";
import { type Outcome, runTask } from "../support/run_task.ts";

const TEN = IMAGENET_WORDNET_IDS.filter((_, i) => i % 100 === 7);
const TWELVE = Array.from({ length: 12 }, (_, i) => String(i));

/** An image in a folder of each name. */
async function writeImages(root: string, names: Iterable<string>): Promise<void> {
  for (const name of names) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
    await Deno.writeFile(`${root}/${name}/a.png`, randomPng(0));
  }
}

function assertRefused({ code, stderr }: Outcome, message: string, expected = 1): void {
  assertStringIncludes(stderr, message);
  assertEquals([code, stderr.trim().split("\n").length], [expected, 1]);
}

Deno.test("`eval` takes the class numbers that the model has for the folders, and says which in a line", async () => {
  await withFolder(async (root) => {
    await writeImages(`${root}/ten`, [...TEN, ".ipynb_checkpoints"]);
    await writeImages(`${root}/twelve`, TWELVE);
    await writeImages(`${root}/some`, ["dog", "ant"]);
    const names = ["dog", "cat", "ant"];
    await writeRandomModel(`${root}/10.safetensors`);
    await writeRandomModel(`${root}/12.safetensors`, 12);
    await writeRandomModel(`${root}/12_named.safetensors`, 12, TWELVE);
    await writeRandomModel(`${root}/3.safetensors`, 3, names);
    await writeRandomModel(`${root}/1000.safetensors`, 1000);
    const evaluate = async (weights: string, data: string, ...args: string[]) => {
      const report = `${root}/${weights}_${data}_${args.length}.json`;
      const model = ["--weights", `${root}/${weights}.safetensors`, "--data", `${root}/${data}`, "--device", "cpu"];
      const { code, stderr } = await runTask("eval", ...model, "--report", report, ...args);
      assertEquals(code, 0, stderr);
      const { predictions } = await readReport(report);
      return { lines: stderr.trim().split("\n"), labels: predictions.map(({ label }) => label) };
    };
    const [ten, thousand, twelve, named, some, renamed] = await Promise.all([
      evaluate("10", "ten"),
      evaluate("1000", "ten"),
      evaluate("12", "twelve"),
      evaluate("12_named", "twelve"),
      evaluate("3", "some"),
      Deno.writeTextFile(`${root}/names.txt`, TWELVE.join("\n"))
        .then(() => evaluate("12", "twelve", "--class-names", `${root}/names.txt`)),
    ]);
    assertEquals(ten.labels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assertEquals(thousand.labels, TEN.map((_, i) => 100 * i + 7));
    const leftOut = `${root}/ten: left out ".ipynb_checkpoints": systems and programs leave such things behind`;
    assertEquals([ten.lines[0], thousand.lines[0]], [leftOut, leftOut]);
    assertStringIncludes(ten.lines[1], "the folders are WordNet ids, numbered 0 to 9 in the order of their names");
    assertStringIncludes(thousand.lines[1], "have their numbers in ILSVRC-2012");
    assertEquals(twelve.labels, twelve.labels.map((_, i) => i));
    assertStringIncludes(twelve.lines[0], 'not by their numbers: "10" is class 2, "11" is class 3');
    // In the order of the names as text.
    for (const { labels, lines } of [named, renamed]) {
      assertEquals(labels, [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]);
      assertStringIncludes(lines[0], "the folders have the names of the model's classes, and their numbers");
    }
    assertEquals(some.labels, [2, 0]);
    assertEquals([ten, thousand, twelve, named, some].map(({ lines }) => lines.length), [2, 2, 1, 1, 1]);
  });
});

Deno.test("`eval` warns before the work of a folder one level too high, and refuses what the model cannot tell apart", async () => {
  await withFolder(async (root) => {
    for (const part of ["train", "val"]) await writeImages(`${root}/set/${part}`, ["ant", "bee", "cat"]);
    await writeRandomModel(`${root}/w.safetensors`);
    await writeRandomModel(`${root}/2.safetensors`, 2);
    const evaluate = (weights: string, data: string, ...args: string[]) =>
      runTask("eval", "--weights", `${root}/${weights}`, "--data", data, "--device", "cpu", ...args);
    const [high, many, labels, missing] = await Promise.all([
      evaluate("w.safetensors", `${root}/set`),
      evaluate("2.safetensors", `${root}/set/val`),
      evaluate("2.safetensors", "cifar10", "--labels", "x.json"),
      evaluate("2.safetensors", `${root}/caf\ufffd`),
    ]);
    assertEquals(high.code, 0);
    assertEquals(
      high.stderr,
      `warning: ${root}/set: 2 class folders ("train", "val"), the model has 10 classes; is ${root}/set/val meant, which ` +
        "has 3 folders?\n",
    );
    assertRefused(many, '3 class folders ("ant", "bee", "cat"), the model has 2 classes');
    assertRefused(labels, "--labels is for folders; CIFAR-10 has its own classes", 2);
    assertRefused(missing, "no such file or folder (its name is not UTF-8");
  });
});

Deno.test("`train` makes as many classes as there are folders, or as --num-classes, --labels and the weights say", async () => {
  await withFolder(async (root) => {
    for (const part of ["train", "val"]) {
      await writeImages(`${root}/ten/${part}`, TEN);
      await writeImages(`${root}/three/${part}`, ["0", "90", "180"]);
    }
    await Deno.writeTextFile(`${root}/labels.json`, JSON.stringify({ "0": 0, "90": 1, "180": 2, "270": 3 }));
    await writeRandomModel(`${root}/1000.safetensors`, 1000);
    await writeRandomModel(`${root}/3.safetensors`, 3, ["0", "90", "180"]);
    const cases: [args: string[], classes: number, lines: string[]][] = [
      [["ten", "--arch", "resnet20"], 10, ["train: the folders are WordNet ids", "val: the folders are WordNet ids"]],
      [["ten", "--arch", "resnet20", "--num-classes", "1000"], 1000, ["ILSVRC-2012", "ILSVRC-2012"]],
      [["ten", "--finetune", `${root}/1000.safetensors`], 1000, ["--num-classes 10 trains", "--num-classes 10 trains"]],
      [["ten", "--finetune", `${root}/1000.safetensors`, "--num-classes", "10"], 10, ["WordNet ids", "WordNet ids"]],
      [["ten", "--finetune", `${root}/3.safetensors`], 10, ["WordNet ids", "WordNet ids"]],
      [["three", "--arch", "resnet20"], 3, ['"180" is class 1, "90" is class 2', '"180" is class 1']],
      [["three", "--arch", "resnet20", "--labels", `${root}/labels.json`], 4, []],
      [["three", "--finetune", `${root}/3.safetensors`], 3, ["the names of the model's", "the names of the model's"]],
      [["three", "--arch", "resnet20", "--num-classes", "5"], 5, ["", "", "warning: ", "warning: "]],
    ];
    const outcomes = await Promise.all(
      cases.map(([[data, ...args]]) => runTask("train", "--data", `${root}/${data}`, "--dry-run", ...args)),
    );
    cases.forEach(([args, classes, lines], i) => {
      const { code, stdout, stderr } = outcomes[i];
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, ` ${classes} classes\n`, args.join(" "));
      const said = stderr.split("\n").filter((line) => line !== "");
      assertEquals(said.length, lines.length, stderr);
      for (const line of lines) assertEquals(said.some((text) => text.includes(line)), true, stderr);
    });
  });
});

Deno.test("`train` says which folder is meant where train/ and val/ are not there, and warns where they hold no classes", async () => {
  await withFolder(async (root) => {
    for (const part of ["train", "val"]) await writeImages(`${root}/set/${part}/images`, ["ant", "bee"]);
    for (const part of ["train", "valid"]) await writeImages(`${root}/other/${part}`, ["ant", "bee"]);
    const train = (data: string, ...args: string[]) =>
      runTask("train", "--arch", "resnet20", "--dry-run", "--data", data, ...args);
    const [high, low, renamed, single, bare, cifar10, many] = await Promise.all([
      train(root),
      train(`${root}/set/train`),
      train(`${root}/other`),
      train(`${root}/set`),
      train(`${root}/set/train/images/ant`),
      train("cifar10", "--labels", "x.json"),
      train(`${root}/set`, "--num-classes", "0"),
    ]);
    assertRefused(
      high,
      `expected the folders train and val in it, found neither; is ${root}/set meant, which has both?`,
    );
    assertStringIncludes(low.stderr, `found neither; is ${await Deno.realPath(`${root}/set`)} meant, which has both?`);
    assertRefused(renamed, `found no val; rename ${root}/other/valid to val`);
    assertRefused(bare, "found neither; each holds one folder a class");
    assertRefused(cifar10, "--labels is for class folders; CIFAR-10 has its own classes", 2);
    assertRefused(many, "--num-classes takes a whole number of at least 1", 2);
    assertEquals(single.code, 0);
    for (const part of ["train", "val"]) {
      const warning =
        `warning: ${root}/set/${part}: 1 class folder ("images"), a network needs at least 2 classes; is ` +
        `${root}/set/${part}/images meant, which has 2 folders?`;
      assertEquals(single.stderr.split("\n").includes(warning), true, single.stderr);
    }
  });
});

Deno.test("classes that --labels gave in `train` are those of `--resume` and `eval` without it", async () => {
  await withFolder(async (root) => {
    for (const part of ["train", "val"]) await writeImages(`${root}/set/${part}`, ["0", "180", "90"]);
    await Deno.writeTextFile(`${root}/labels.json`, JSON.stringify({ "0": 0, "90": 1, "180": 2 }));
    const data = ["--data", `${root}/set`, "--labels", `${root}/labels.json`];
    const small = ["--size", "8", "--batch", "3", "--epochs", "1", "--device", "cpu", "--workers", "1"];
    const trained = await runTask("train", "--arch", "resnet20", ...data, ...small, "--out", `${root}/run`);
    assertEquals([trained.code, trained.stderr], [0, ""]);
    const resumed = await runTask("train", "--resume", `${root}/run`, "--device", "cpu");
    assertEquals(resumed.code, 0, resumed.stderr);
    const report = `${root}/report.json`;
    const model = ["--weights", `${root}/run/last.safetensors`, "--device", "cpu", "--report", report];
    const { code, stderr } = await runTask("eval", ...model, "--data", `${root}/set/val`);
    assertEquals(code, 0, stderr);
    for (const { stderr: said } of [resumed, { stderr }]) {
      assertStringIncludes(said, 'and their numbers: "180" is class 2, "90" is class 1');
    }
    const { predictions } = await readReport(report);
    assertEquals(predictions.map(({ file, label }) => [file, label]), [["0/a.png", 0], ["180/a.png", 2], [
      "90/a.png",
      1,
    ]]);
  });
});
