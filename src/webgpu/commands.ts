/**
 * Recording a plan's steps, once everything they need is made.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import { TEXEL_BYTES, TEXTURE_WIDTH } from "./layout.ts";

/** A step with everything it needs made. */
export type Command =
  | {
    readonly kind: "dispatch";
    readonly pipeline: GPUComputePipeline;
    readonly bindGroup: GPUBindGroup;
    readonly grid: readonly [number, number];
  }
  | {
    readonly kind: "copy";
    readonly from: GPUBuffer;
    readonly to: GPUTexture | GPUBuffer;
    /** Rows of TEXTURE_WIDTH texels. */
    readonly rows: number;
  };

function copy(encoder: GPUCommandEncoder, { from, to, rows }: Command & { kind: "copy" }): void {
  const bytesPerRow = TEXTURE_WIDTH * TEXEL_BYTES;
  if (to instanceof GPUBuffer) encoder.copyBufferToBuffer(from, 0, to, 0, rows * bytesPerRow);
  else encoder.copyBufferToTexture({ buffer: from, bytesPerRow }, { texture: to }, [TEXTURE_WIDTH, rows]);
}

function dispatch(pass: GPUComputePassEncoder, { pipeline, bindGroup, grid }: Command & { kind: "dispatch" }): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...grid);
}

/** Records the commands; dispatches between two copies share a pass. */
export function encodeCommands(encoder: GPUCommandEncoder, commands: readonly Command[]): void {
  let pass: GPUComputePassEncoder | undefined;
  for (const command of commands) {
    if (command.kind === "dispatch") {
      pass ??= encoder.beginComputePass();
      dispatch(pass, command);
    } else {
      pass?.end();
      pass = undefined;
      copy(encoder, command);
    }
  }
  pass?.end();
}

/** Most commands that one set of timestamps takes; WebGPU allows 4096 timestamps. */
const MOST_TIMED = 2048;

/**
 * Runs the commands, each dispatch in a pass of its own between two timestamps; answers milliseconds by command, 0 for
 * copies. Throws DeviceError where the device has no timestamps.
 */
export async function timeCommands(device: GPUDevice, commands: readonly Command[]): Promise<number[]> {
  if (!device.features.has("timestamp-query")) throw new DeviceError("this WebGPU adapter offers no timestamps");
  const times: number[] = [];
  for (let first = 0; first < commands.length; first += MOST_TIMED) {
    times.push(...await timeSome(device, commands.slice(first, first + MOST_TIMED)));
  }
  return times;
}

async function timeSome(device: GPUDevice, commands: readonly Command[]): Promise<number[]> {
  const count = 2 * commands.length;
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = device.createBuffer({ size: count * 8, usage });
  const readback = device.createBuffer({ size: count * 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  commands.forEach((command, i) => {
    if (command.kind === "copy") return copy(encoder, command);
    const pass = encoder.beginComputePass({
      timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
    });
    dispatch(pass, command);
    pass.end();
  });
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, readback, 0, count * 8);
  device.queue.submit([encoder.finish()]);
  await readback.mapAsync(GPUMapMode.READ);
  const times = new BigUint64Array(readback.getMappedRange().slice(0));
  readback.unmap();
  [querySet, resolved, readback].forEach((owned) => owned.destroy());
  return commands.map((command, i) => command.kind === "copy" ? 0 : Number(times[2 * i + 1] - times[2 * i]) / 1e6);
}
