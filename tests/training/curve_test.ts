import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { drawCurves, drawRuns } from "../../src/training/curve.ts";
import type { EpochMetrics, StepMetrics } from "../../src/training/metrics.ts";

const steps = (count: number, perEpoch: number): StepMetrics[] =>
  Array.from({ length: count }, (_, step) => ({
    step,
    epoch: Math.floor(step / perEpoch),
    loss: 2 - step / count,
    lr: 0.1,
    temperature: 1,
  }));

const epoch = (number: number): EpochMetrics => ({
  epoch: number,
  trainLoss: 1.5,
  trainTop1: 40,
  trainTop5: 90,
  valLoss: 1.7 - number / 10,
  valTop1: 30 + number,
  valTop5: 80,
  lr: 0.1,
  temperature: 1,
  seconds: 1,
});

/** Returns the points of the lines of a chart. */
function linesOf(svg: string): number[][][] {
  const paths = [...svg.matchAll(/aria-label="line"[^>]*><path d="M([^"]+)"/g)].map(([, path]) => path.split("L"));
  return paths.map((points) => points.map((point) => point.split(",").map(Number)));
}

Deno.test("`drawCurves()` draws training and validation within the frame, epochs where their steps end", async () => {
  const svg = await drawCurves(steps(1200, 400), [epoch(0), epoch(1), epoch(2)], "a <b> & c");
  assertStringIncludes(svg, "<title>a &lt;b&gt; &amp; c</title>");
  assertStringIncludes(svg, "loss, validation: 1.7 to 1.5; top-1, training: 40 to 40; top-1, validation: 30 to 32");
  const lines = linesOf(svg);
  assertEquals(lines.map(({ length }) => length), [300, 3, 3, 3]);
  for (const [x, y] of lines.flat()) assert(x >= 40 && x <= 420 && y >= 20 && y <= 280, `${x} ${y}`);
  // The mean of the last four steps ends where the last epoch ends.
  assert(Math.abs(lines[0].at(-1)![0] - lines[1].at(-1)![0]) < 1);
  // Down the picture is down in numbers: the loss falls, the accuracy rises.
  assert(lines[0][0][1] < lines[0].at(-1)![1] && lines[3][0][1] > lines[3].at(-1)![1]);
});

Deno.test("`drawCurves()` draws a run of one epoch, of constant figures and of none", async () => {
  assertMatch(await drawCurves(steps(1, 1), [epoch(0)], "x"), /<circle /);
  for (const svg of [await drawCurves([], [], "x"), await drawCurves(steps(3, 3), [], "x")]) {
    assert(!/NaN|Infinity|undefined/.test(svg), svg);
  }
});

Deno.test("`drawRuns()` draws losses and accuracies of each run under its name", async () => {
  const svg = await drawRuns([
    { name: "static", steps: steps(6, 3), epochs: [epoch(0), epoch(1)] },
    { name: "dynamic", steps: steps(9, 3), epochs: [epoch(0), epoch(1), epoch(2)] },
  ]);
  assertEquals(linesOf(svg).map(({ length }) => length), [6, 9, 2, 3]);
  for (const text of [">static</text>", ">dynamic</text>", "training loss", "validation top-1, %", "epochs"]) {
    assertStringIncludes(svg, text);
  }
});
