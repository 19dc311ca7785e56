/**
 * How many multiply-adds a second an adapter can do at best: a loop that keeps everything in registers. Machines are
 * shared and clocks change, so a kernel's speed means something only beside the ceiling of the same minute.
 *
 * @module
 */

import type { DeviceOwner } from "../run/backend.ts";
import { timeTogether } from "../run/timing.ts";
import { BUFFER_USAGE } from "../connection/usage.ts";

const ACCUMULATORS = 16;
const ROUNDS = 3;

/** Enough work to fill the adapter, and some milliseconds of it: two cores are full sooner than thousands of lanes. */
const GRIDS = {
  software: { workgroups: 512, workgroupSize: 8, iterations: 2000 },
  hardware: { workgroups: 8192, workgroupSize: 64, iterations: 2000 },
} as const;

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

/** Answers a function that measures the ceiling in GFLOP/s, best of a few rounds. */
export async function ceilingMeter({ device, capabilities }: DeviceOwner): Promise<() => Promise<number>> {
  const { workgroups, workgroupSize, iterations } = GRIDS[capabilities.profile];
  const module = device.createShaderModule({ code: source(workgroupSize, iterations) });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
  const buffer = device.createBuffer({ size: workgroups * workgroupSize * 16, usage: BUFFER_USAGE.STORAGE });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const flops = workgroups * workgroupSize * iterations * ACCUMULATORS * 4 * 2;
  return async () => {
    let best = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      best = Math.min(
        best,
        await timeTogether(device, [{ kind: "dispatch", pipeline, bindGroup, grid: [workgroups, 1] }]),
      );
    }
    return flops / best / 1e6;
  };
}
