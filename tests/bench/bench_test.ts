import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { chart } from "../../bench/chart.ts";
import { medianOf, ratioInTurns } from "../../bench/measure.ts";
import { expectAgreement } from "../../bench/networks.ts";
import { page } from "../../bench/report.ts";
import type { Results, Row } from "../../bench/rows.ts";
import { DataError } from "../../src/errors.ts";

const MAIN = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));

async function bench(...args: string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", "--allow-env", MAIN, ...args],
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

const row = (change: Partial<Row>): Row => ({
  work: "forward",
  model: "resnet18",
  kernelNum: 1,
  batch: 8,
  device: "webgpu",
  ms: 100,
  gflops: 30,
  ceilingGflops: 60,
  peers: {},
  ...change,
});

Deno.test("bench --json writes a row for each executor, with a peer's time", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const json = `${folder}/bench.json`;
    const only = ["--only", "od_resnet20", "--kernel-num", "2", "--batch", "1", "--work", "forward"];
    const { code, stderr } = await bench(
      ...only,
      "--device",
      "cpu",
      "--peers",
      "tfjs-wasm",
      "--rounds",
      "1",
      "--json",
      json,
    );
    assertEquals(code, 0, stderr);
    const { rows, notes }: Results = JSON.parse(await Deno.readTextFile(json));
    assertEquals(notes, []);
    const [{ ms, gflops, peers, over, ...rest }] = rows;
    assertEquals(rest, {
      work: "forward",
      model: "od_resnet20",
      kernelNum: 2,
      batch: 1,
      device: "cpu",
      ceilingGflops: null,
    });
    assertEquals(rows.length, 1);
    assert(ms > 0 && gflops > 0 && peers["tfjs-wasm"] > 0 && over!.static! > 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("bench refuses peers that nobody knows, with exit code 2", async () => {
  const { code, stderr } = await bench("--peers", "tfjs-webgl");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "tfjs-webgl");
});

Deno.test("expectAgreement() throws when a peer's number is off by more than a thousandth, or is none", () => {
  const ours = { y: Float32Array.of(1, -2, 0) };
  expectAgreement("peer", "task", ours, { y: Float32Array.of(1.0015, -2, 0) });
  for (const wrong of [Float32Array.of(1.003, -2, 0), Float32Array.of(1, -2, NaN), Float32Array.of(1, -2)]) {
    assertThrows(() => expectAgreement("peer", "task", ours, { y: wrong }), DataError, "peer");
  }
});

Deno.test("medianOf() takes one round when patience is over at once, else the middle of all", async () => {
  const answers = [3, 1, 2];
  const round = () => Promise.resolve(answers.shift()!);
  assertEquals(await medianOf(round, { rounds: 3, budgetMs: 0 }), 3);
  answers.unshift(5);
  assertEquals(await medianOf(round, { rounds: 3, budgetMs: Infinity }), 2);
});

Deno.test("ratioInTurns() sets each run beside those before and after it, once both are warm", async () => {
  const order: string[] = [];
  const work = (name: string, times: number[]) => () => {
    order.push(name);
    return Promise.resolve(times.shift()!);
  };
  const ratio = await ratioInTurns(work("work", [99, 30, 99, 8]), work("other", [99, 10, 99, 20, 99, 4]), {
    rounds: 2,
    budgetMs: Infinity,
  });
  assertEquals(order, ["other", "work", "other", "work", "other"].flatMap((name) => [name, name]));
  assertEquals(ratio, 2); // 30 over 15 and 8 over 12
});

Deno.test("page() holds ratios to peers, to the static network and to the targets", () => {
  const rows = [
    row({}),
    row({ model: "od_resnet18", kernelNum: 4, ms: 120, peers: { "tfjs-webgpu": 1800 }, over: { static: 1.2 } }),
    row({ work: "train", ms: 400, over: { forward: 4, "training forward": 3 } }),
  ];
  const text = page({ rows, contestants: ["an adapter"], notes: [] });
  assertStringIncludes(text, "- an adapter\n");
  assertStringIncludes(text, "15.0x"); // 1800 over 120
  assertStringIncludes(text, "1.20x");
  assertStringIncludes(text, "4.00x");
  assertStringIncludes(text, "50%");
  const lineOf = (title: string) => text.split("\n").find((each) => each.startsWith(`| ${title} `))!;
  assertStringIncludes(lineOf("training step over forward"), "0 of 1");
  assertStringIncludes(lineOf("training step over training forward"), "1 of 1");
  assert(!text.includes("Not measured"));
});

Deno.test("chart() draws every program's time an image", async () => {
  const svg = await chart([row({ peers: { pytorch: 300 } })]);
  assertStringIncludes(svg!, "resnet18");
  assertStringIncludes(svg!, "pytorch");
  assertEquals(await chart([row({ work: "train" })]), undefined);
});
