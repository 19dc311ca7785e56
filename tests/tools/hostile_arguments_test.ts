/** Tests commands that read devices, pipes, endless files and absurd values: each prints one line, soon. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runTask } from "../support/run_task.ts";

/** Milliseconds in which a command has to end, on a busy machine. */
const PATIENCE = 60_000;

/** A folder with what no command can read. */
async function withHostileFiles(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/images/0`, { recursive: true });
    await Deno.mkdir(`${folder}/run/metrics.jsonl`, { recursive: true });
    await Deno.mkdir(`${folder}/lies`);
    await Deno.writeTextFile(`${folder}/lies/metrics.jsonl`, '{"step":"x","epoch":0,"loss":"<script>"}\n');
    for (const name of ["pipe.png", "pipe.pth", "pipe.tar", "pipe.json"]) {
      assert((await new Deno.Command("mkfifo", { args: [`${folder}/${name}`] }).output()).success);
    }
    await Deno.symlink(`${folder}/pipe.png`, `${folder}/images/0/linked.png`);
    await Deno.writeTextFile(`${folder}/truth.txt`, "n01440764\n");
    // A terabyte, of which the disk holds nothing.
    await Deno.writeFile(`${folder}/large.png`, new Uint8Array(1));
    await Deno.truncate(`${folder}/large.png`, 2 ** 40);
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("commands end in one line when they are named devices, pipes, files without end and numbers without sense", () =>
  withHostileFiles(async (folder) => {
    const weights = ["--weights", "resnet20_cifar10", "--device", "cpu"];
    const cases: [task: string, args: string[], code: number, message: string][] = [
      ["classify", [`${folder}/pipe.png`, ...weights], 1, "pipe.png: expected a file, found a device or a pipe"],
      ["classify", ["/dev/zero", ...weights], 1, "/dev/zero: expected a file, found a device or a pipe"],
      ["classify", [`${folder}/large.png`, ...weights], 1, "it has 1099511627776 bytes, expected at most 1073741824"],
      ["eval", [...weights, "--data", `${folder}/images`], 1, "linked.png: expected a file, found a device or a pipe"],
      ["eval", [...weights, "--data", "x.tar", "--ground-truth", "/dev/zero"], 1, "/dev/zero: expected a file"],
      ["eval", [...weights, "--data", `${folder}/images`, "--labels", `${folder}/pipe.json`], 1, "pipe.json: expected"],
      ["eval", [...weights, "--data", `${folder}/images`, "--workers", "100000"], 2, "from 1 to 256"],
      [
        "eval",
        [...weights, "--data", `${folder}/pipe.tar`, "--ground-truth", `${folder}/truth.txt`],
        1,
        "pipe.tar: expected a file, found a device or a pipe",
      ],
      ["merge", ["/dev/zero", "--out", `${folder}/o.json`], 1, "/dev/zero: expected a file, found a device or a pipe"],
      ["compare", [`${folder}/run`, `${folder}/run`], 1, "run/metrics.jsonl: expected a file, found a folder"],
      ["compare", [`${folder}/lies`, `${folder}/lies`], 1, 'metrics.jsonl:1: not a line of metrics: "step" is "x"'],
      ["convert", [""], 2, "an argument is empty"],
      ["convert", [`${folder}/pipe.pth`], 1, "pipe.pth: not a file"],
      ["convert", ["file:%zz"], 1, "file:%zz: not the URL of a file on this machine"],
      ["convert", ["file://elsewhere/x.pth"], 1, "not the URL of a file on this machine"],
      ["convert", ["file:///x%00y"], 1, "not the URL of a file on this machine"],
      ["inspect", ["od_resnet20", "--kernel-num", "1000000000"], 1, "kernelNum is 1000000000, expected"],
      ["train", ["--arch", "od_resnet20", "--dry-run", "--batch", "999999999"], 1, "use a smaller batch"],
    ];
    const began = performance.now();
    const outcomes = await Promise.all(cases.map(([task, args]) => runTask(task, ...args)));
    assert(performance.now() - began < PATIENCE);
    cases.forEach(([task, args, code, message], i) => {
      const { code: actual, stderr } = outcomes[i];
      assertStringIncludes(stderr, message);
      assertEquals(actual, code, `${task} ${args.join(" ")}`);
      assertEquals(stderr.trim().split("\n").length, 1, stderr);
    });
  }));

Deno.test("commands write no file in the place of a device or a pipe", () =>
  withHostileFiles(async (folder) => {
    const out = `${folder}/pipe.safetensors`;
    assert((await new Deno.Command("mkfifo", { args: [out] }).output()).success);
    const weights = new URL("../../weights/resnet20_cifar10.safetensors", import.meta.url).pathname;
    const { code, stderr } = await runTask("convert", weights, "--out", out);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "it is a device or a pipe, not a file");
    assert((await Deno.lstat(out)).isFifo);
  }));
