/**
 * Records a plan's steps into command encoders. All pipelines, bind groups and buffers exist by then.
 *
 * @module
 */

import { TEXEL_BYTES, TEXTURE_WIDTH } from "../plan/layout.ts";

/** A step with all its GPU objects. */
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
    /** Either a buffer or a texture. */
    readonly to: { readonly buffer: GPUBuffer } | { readonly texture: GPUTexture };
    /** The size of the copy in rows of TEXTURE_WIDTH texels. */
    readonly rows: number;
  };

/** Records one copy. */
export function encodeCopy(encoder: GPUCommandEncoder, { from, to, rows }: Command & { kind: "copy" }): void {
  const bytesPerRow = TEXTURE_WIDTH * TEXEL_BYTES;
  if ("buffer" in to) encoder.copyBufferToBuffer(from, 0, to.buffer, 0, rows * bytesPerRow);
  else encoder.copyBufferToTexture({ buffer: from, bytesPerRow }, to, [TEXTURE_WIDTH, rows]);
}

/** Records one dispatch. */
export function encodeDispatch(
  pass: GPUComputePassEncoder,
  { pipeline, bindGroup, grid }: Command & { kind: "dispatch" },
): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...grid);
}

/**
 * Records the commands. Dispatches between two copies share a compute pass. If there is a `querySet`, the begin of the
 * first pass and the end of the last pass are written to it.
 */
export function encodeCommands(
  encoder: GPUCommandEncoder,
  commands: readonly Command[],
  querySet?: GPUQuerySet,
): void {
  const isFirst = (i: number) => commands[i].kind === "dispatch" && commands[i - 1]?.kind !== "dispatch";
  const stamps = (i: number): GPUComputePassDescriptor | undefined => {
    const begin = querySet && i === commands.findIndex(({ kind }) => kind === "dispatch");
    const end = querySet && i === commands.findLastIndex((_, j) => isFirst(j));
    if (!begin && !end) return undefined;
    return {
      timestampWrites: {
        querySet,
        ...(begin && { beginningOfPassWriteIndex: 0 }),
        ...(end && { endOfPassWriteIndex: 1 }),
      },
    };
  };
  let pass: GPUComputePassEncoder | undefined;
  for (const [i, command] of commands.entries()) {
    if (command.kind === "dispatch") {
      pass ??= encoder.beginComputePass(stamps(i));
      encodeDispatch(pass, command);
    } else {
      pass?.end();
      pass = undefined;
      encodeCopy(encoder, command);
    }
  }
  pass?.end();
}

/**
 * Returns the first command that the device refuses to record, with the error message. Returns undefined if it accepts
 * all.
 */
export async function refusedCommand(
  device: GPUDevice,
  commands: readonly Command[],
): Promise<{ readonly index: number; readonly message: string } | undefined> {
  for (const [index, command] of commands.entries()) {
    device.pushErrorScope("validation");
    const encoder = device.createCommandEncoder();
    encodeCommands(encoder, [command]);
    encoder.finish();
    const error = await device.popErrorScope();
    if (error) return { index, message: error.message };
  }
}
