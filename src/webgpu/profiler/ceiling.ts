/**
 * Measures the most multiply-adds per second that an adapter can do, with a loop that keeps everything in registers.
 * Machines are shared and clocks change. So compare a kernel's speed only with a ceiling measured in the same minute.
 *
 * @module
 */

import { BUFFER_USAGE } from "../connection/usage.ts";
import type { DeviceOwner } from "../run/backend.ts";
import { timeTogether } from "../run/timing.ts";

const ACCUMULATORS = 16;
const ROUNDS = 3;

/** Enough invocations to fill a fast adapter. A CPU needs far fewer than a GPU. */
const GRIDS = {
  software: { workgroups: 512, workgroupSize: 8, iterations: 2000 },
  hardware: { workgroups: 8192, workgroupSize: 64, iterations: 2000 },
} as const;

/**
 * The measurement starts with this share of the work and grows by this factor, until a run takes this many
 * milliseconds. So it does not take long on a slow adapter.
 */
const FIRST = 1 / 64, GROWTH = 4, ENOUGH_MS = 10;

const each = (line: (i: number) => string, separator = " ") =>
  Array.from({ length: ACCUMULATORS }, (_, i) => line(i)).join(separator);

const source = (workgroupSize: number, iterations: number) => `
@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let start = vec4f(f32(id.x) * 1e-9);
  ${each((i) => `var a${i} = start + ${i}.0;`)}
  for (var i = 0u; i < ${iterations}u; i++) { ${each((i) => `a${i} = a${i} * 0.999 + 0.001;`)} }
  y[id.x] = ${each((i) => `a${i}`, " + ")};
}`;

/** Returns a function that measures the ceiling in GFLOP/s. It takes the best of a few rounds. */
export async function ceilingMeter({ device, capabilities }: DeviceOwner): Promise<() => Promise<number>> {
  const { workgroups, workgroupSize, iterations } = GRIDS[capabilities.profile];
  const module = device.createShaderModule({ code: source(workgroupSize, iterations) });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
  const buffer = device.createBuffer({ size: workgroups * workgroupSize * 16, usage: BUFFER_USAGE.STORAGE });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const time = (count: number) => timeTogether(device, [{ kind: "dispatch", pipeline, bindGroup, grid: [count, 1] }]);
  return async () => {
    let count = workgroups * FIRST;
    let best = await time(count);
    while (count < workgroups && best < ENOUGH_MS) best = await time(count *= GROWTH);
    for (let round = 1; round < ROUNDS; round++) best = Math.min(best, await time(count));
    return count * workgroupSize * iterations * ACCUMULATORS * 4 * 2 / best / 1e6;
  };
}
