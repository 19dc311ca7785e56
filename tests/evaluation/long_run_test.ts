import { assert, assertEquals } from "@std/assert";
import { DEVICE_NAMES } from "../support/devices.ts";
import { longRun } from "./long_run.ts";

for (const device of DEVICE_NAMES) {
  Deno.test(`evaluations over and over on ${device} leave nothing there, do not grow and answer the same`, async () => {
    // `deno run tests/evaluation/long_run.ts` runs for an hour.
    const { rounds, different, left, resident } = await longRun(device, { rounds: 20 });
    assertEquals([rounds, different, left], [20, 0, 0]);
    // Megabytes, once everything is compiled and warm.
    const early = Math.max(...resident.slice(5, 10)), late = Math.max(...resident.slice(-5));
    assert(late < early + 60, `${resident.map((mb) => mb.toFixed(0))}`);
  });
}
