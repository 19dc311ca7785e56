/**
 * How many multiply-adds a second an adapter can do at best: a loop that keeps everything in registers. Machines are
 * shared and clocks change, so a kernel's speed means something only beside the ceiling of the same minute.
 *
 * @module
 */

import { timeCommands } from "../src/webgpu/commands.ts";

const ACCUMULATORS = 16;
const ITERATIONS = 2000;
const WORKGROUPS = 512;
const WORKGROUP_SIZE = 8;
const ROUNDS = 3;

const each = (line: (i: number) => string, separator = " ") =>
  Array.from({ length: ACCUMULATORS }, (_, i) => line(i)).join(separator);

const SOURCE = `
@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let start = vec4f(f32(id.x) * 1e-9);
  ${each((i) => `var a${i} = start + ${i}.0;`)}
  for (var i = 0u; i < ${ITERATIONS}u; i++) { ${each((i) => `a${i} = a${i} * 0.999 + 0.001;`)} }
  y[id.x] = ${each((i) => `a${i}`, " + ")};
}`;

/** Answers a function that measures the ceiling in GFLOP/s, best of a few rounds. Throws DeviceError without timestamps. */
export async function ceilingMeter(device: GPUDevice): Promise<() => Promise<number>> {
  const module = device.createShaderModule({ code: SOURCE });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
  const buffer = device.createBuffer({ size: WORKGROUPS * WORKGROUP_SIZE * 16, usage: GPUBufferUsage.STORAGE });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const flops = WORKGROUPS * WORKGROUP_SIZE * ITERATIONS * ACCUMULATORS * 4 * 2;
  return async () => {
    let best = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      const [ms] = await timeCommands(device, [{ kind: "dispatch", pipeline, bindGroup, grid: [WORKGROUPS, 1] }]);
      best = Math.min(best, ms);
    }
    return flops / best / 1e6;
  };
}
