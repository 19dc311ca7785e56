import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runTask } from "../support/run_task.ts";

/** Writes a run of two epochs with three steps each. */
async function writeRun(folder: string, losses: readonly number[], accuracies: readonly number[]): Promise<void> {
  const lines: unknown[] = [];
  for (const [epoch, valTop1] of accuracies.entries()) {
    for (const i of [0, 1, 2]) {
      const step = 3 * epoch + i;
      lines.push({ step, epoch, loss: losses[step], lr: 0.1, temperature: 1 });
    }
    lines.push({ epoch, valTop1 });
  }
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/metrics.jsonl`, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

Deno.test("compare sets runs beside each other, in a table, a CSV and a picture", async () => {
  const folder = await Deno.makeTempDir();
  await writeRun(`${folder}/a`, [2, 2, 1, 1, 1, 1], [20, 31.254]);
  await writeRun(`${folder}/b`, [2, 3, 1, 1, 1, 1], [21, 33]);
  const files = ["--csv", `${folder}/c.csv`, "--svg", `${folder}/c.svg`];
  const { code, stdout, stderr } = await runTask("compare", `${folder}/a`, `${folder}/b`, ...files);
  assertEquals([code, stderr], [0, ""]);
  assert(/^ +1 +31\.25 +33\.00$/m.test(stdout), stdout);
  assert(/^b +6 +8\.3e-2 +5\.0e-1$/m.test(stdout), stdout);
  assertEquals(
    await Deno.readTextFile(`${folder}/c.csv`),
    [
      "step,a loss,b loss,a top-1,b top-1",
      "0,2.000000,2.000000,,",
      "1,2.000000,3.000000,,",
      "2,1.000000,1.000000,20.00,21.00",
      "3,1.000000,1.000000,,",
      "4,1.000000,1.000000,,",
      "5,1.000000,1.000000,31.25,33.00",
      "",
    ].join("\n"),
  );
  assertStringIncludes(await Deno.readTextFile(`${folder}/c.svg`), "validation top-1");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("compare explains a folder without metrics, and asks for two", async () => {
  const folder = await Deno.makeTempDir();
  const empty = await runTask("compare", folder, folder);
  assertEquals(empty.code, 1);
  assertStringIncludes(empty.stderr, "metrics.jsonl");
  const { code, stderr } = await runTask("compare", folder);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "two runs");
  await Deno.remove(folder);
});
