import { assert, assertEquals } from "@std/assert";
import { learningRate, type LearningRateOptions, type Position, temperature } from "../../src/training/schedules.ts";
import { readJson } from "../support/fixtures.ts";

interface Fixture {
  readonly stepsPerEpoch: number;
  readonly schedules: readonly { readonly options: LearningRateOptions; readonly rates: readonly number[] }[];
}

const { stepsPerEpoch, schedules } = await readJson<Fixture>("training.json");

function positions(epochs: number): Position[] {
  return Array.from({ length: epochs * stepsPerEpoch }, (_, i) => {
    return { epoch: Math.floor(i / stepsPerEpoch), step: i % stepsPerEpoch, stepsPerEpoch };
  });
}

for (const { options, rates } of schedules) {
  Deno.test(`learningRate() follows PyTorch's schedulers: ${JSON.stringify(options)}`, () => {
    const actual = positions(options.epochs).map((position) => learningRate(options, position));
    assertEquals(actual.length, rates.length);
    actual.forEach((rate, i) => assert(Math.abs(rate - rates[i]) < 1e-12, `step ${i}: ${rate}, expected ${rates[i]}`));
  });
}

Deno.test("learningRate() decays at epochs 30, 60 and 90 where nobody says otherwise", () => {
  const options = { lr: 1, epochs: 100, decay: "schedule" } as const;
  const at = (epoch: number) => learningRate(options, { epoch, step: 0, stepsPerEpoch: 1 }).toFixed(6);
  assertEquals([0, 29, 30, 59, 60, 90].map(at), [
    "1.000000",
    "1.000000",
    "0.100000",
    "0.100000",
    "0.010000",
    "0.001000",
  ]);
});

Deno.test("temperature() falls linearly by step, from a little below the initial one to 1", () => {
  // total = 2 epochs of 3 steps: 1 + 29 * (6 - done) / 6 for done = 1, 2, ..., then 1.
  const values = positions(3).map((position) => temperature({ initial: 30, epochs: 2 }, position));
  const expected = [5, 4, 3, 2, 1, 0, 0, 0, 0].map((left) => 1 + 29 * left / 6);
  values.forEach((v, i) => assert(Math.abs(v - expected[i]) < 1e-12, `step ${i}: ${v}`));
});

Deno.test("temperature() is 1 from the first step where it is annealed over no epochs", () => {
  assertEquals(temperature({ initial: 30, epochs: 0 }, { epoch: 0, step: 0, stepsPerEpoch: 5 }), 1);
});
