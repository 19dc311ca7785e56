/**
 * Tests layers against those of torch.nn with the same names, on every device: tests/reference/write_layer_fixtures.py.
 */

import { assert, assertThrows } from "@std/assert";
import * as odconv from "../../mod.ts";
import type { Module } from "../../mod.ts";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";
import { relativeError } from "../support/error.ts";
import { readJson, readTensors } from "../support/fixtures.ts";
import { uniform } from "../support/random_weights.ts";

const TOLERANCE = 5e-6;

interface Case {
  readonly name: string;
  readonly layer: keyof typeof odconv;
  readonly arguments: readonly unknown[];
  readonly x: readonly number[];
}

const cases = await readJson<Case[]>("layers.json");
const expected = await readTensors("layers.safetensors");

/** The layer with the weights of the fixture. */
function build({ name, layer, arguments: args }: Case): Module {
  const module = new (odconv[layer] as unknown as new (...args: unknown[]) => Module)(...args);
  for (const [key, parameter] of module.parameters) {
    if (parameter.dtype !== "F32") continue;
    const values = uniform(`${name}.${key}`, parameter.shape, 1, key === "running_var" ? 1.5 : 0);
    Object.assign(parameter, { initial: () => values });
  }
  return module;
}

for (const device of DEVICE_NAMES) {
  Deno.test(`layers answer torch.nn's numbers on ${device}`, async (t) => {
    const backend = await openTestDevice(device);
    for (const c of cases) {
      await t.step(c.name, async () => {
        const graph = odconv.traceModule(build(c), c.x);
        const executable = await backend.compile(odconv.optimizeForInference(graph));
        const [y] = Object.values(await executable.run({ x: uniform(`${c.name}.x`, c.x, 4) }));
        executable.dispose();
        const error = relativeError(y, expected.get(`${c.name}.y`)!);
        assert(error <= TOLERANCE, `relative error ${error.toExponential(1)}`);
      });
    }
    backend.dispose();
  });
}

Deno.test("layers refuse what torch.nn refuses, and say why", () => {
  const refused: [() => unknown, string][] = [
    [() => new odconv.GroupNorm(4, 6), "4 groups do not divide 6 channels"],
    [() => new odconv.Upsample({}), "either size or scaleFactor"],
    [() => new odconv.Upsample({ scaleFactor: 0 }), "scaleFactor is [0, 0]"],
    [() => new odconv.GELU("erf" as "none"), 'approximate is "erf"'],
    [() => new odconv.AdaptiveMaxPool2d(2 as 1), "outputSize is 2"],
    [() => new odconv.ConvTranspose2d(4, 6, 2, { groups: 4 }), "4 groups do not divide 4 input and 6 output channels"],
    [() => new odconv.Conv1d(4, 6, 0), "kernelSize is 0"],
    [() => new odconv.MaxPool2d([2, 4], { padding: [2, 2] }), "padding is 2"],
  ];
  for (const [make, message] of refused) assertThrows(make, odconv.ArgumentError, message);
});
