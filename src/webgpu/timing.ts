/**
 * How long commands take on the device: by timestamps where the adapter offers them, else by the wall clock over many
 * repetitions. Every command may be repeated: none reads what it writes.
 *
 * @module
 */

import { type Command, encodeCommands, encodeCopy, encodeDispatch } from "./commands.ts";

/** When a command ran. */
export interface Span {
  /** Milliseconds since the first command began. */
  readonly start: number;
  /** Its length. */
  readonly milliseconds: number;
}

/** What measures: "timestamps" needs the feature timestamp-query. */
export type Clock = "timestamps" | "wall";

/** The better clock of a device. */
export function clockOf(device: GPUDevice): Clock {
  return device.features.has("timestamp-query") ? "timestamps" : "wall";
}

/** Most commands that one set of timestamps takes; WebGPU allows 4096 timestamps. */
const MOST_TIMED = 2048;

/** Repetitions of a command that the wall clock times at first, and by how much more where they vanish in the noise. */
const REPEATS = 8;

/** Runs the commands one by one; answers when each ran. By the wall clock they are taken to follow without a gap. */
export async function timeEach(
  device: GPUDevice,
  commands: readonly Command[],
  clock: Clock = clockOf(device),
): Promise<Span[]> {
  const spans: Span[] = [];
  const last = () => spans.length ? spans[spans.length - 1].start + spans[spans.length - 1].milliseconds : 0;
  if (clock === "wall") {
    for (const command of commands) {
      spans.push({ start: last(), milliseconds: await timeTogether(device, [command], clock) });
    }
    return spans;
  }
  for (let first = 0; first < commands.length; first += MOST_TIMED) {
    const some = commands.slice(first, first + MOST_TIMED);
    const before = last();
    const times = await stamped(device, 2 * some.length, (encoder, querySet) =>
      some.forEach((command, i) => {
        const begin = { querySet, beginningOfPassWriteIndex: 2 * i };
        const end = { querySet, endOfPassWriteIndex: 2 * i + 1 };
        if (command.kind === "copy") {
          // Timestamps exist only around passes: two empty ones.
          encoder.beginComputePass({ timestampWrites: begin }).end();
          encodeCopy(encoder, command);
          encoder.beginComputePass({ timestampWrites: end }).end();
        } else {
          const pass = encoder.beginComputePass({ timestampWrites: { ...begin, ...end } });
          encodeDispatch(pass, command);
          pass.end();
        }
      }));
    some.forEach((_, i) => {
      spans.push({ start: before + times[2 * i], milliseconds: times[2 * i + 1] - times[2 * i] });
    });
  }
  return spans;
}

/** Milliseconds that the commands take one after the other, recorded as a run records them. */
export async function timeTogether(
  device: GPUDevice,
  commands: readonly Command[],
  clock: Clock = clockOf(device),
): Promise<number> {
  if (clock === "timestamps") {
    const [, end] = await stamped(device, 2, (encoder, querySet) => {
      encoder.beginComputePass({ timestampWrites: { querySet, beginningOfPassWriteIndex: 0 } }).end();
      encodeCommands(encoder, commands);
      encoder.beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: 1 } }).end();
    });
    return end;
  }
  const floor = Math.min(await wallTime(device, [], 1), await wallTime(device, [], 1));
  for (let repeats = REPEATS;; repeats *= REPEATS) {
    const time = await wallTime(device, commands, repeats) - floor;
    if (time > floor || repeats >= REPEATS ** 4) return Math.max(time, 0) / repeats;
  }
}

async function wallTime(device: GPUDevice, commands: readonly Command[], repeats: number): Promise<number> {
  const encoder = device.createCommandEncoder();
  for (let i = 0; i < repeats; i++) encodeCommands(encoder, commands);
  const began = performance.now();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
  return performance.now() - began;
}

/** Submits what is recorded with `count` timestamps; answers them in milliseconds since the first. */
async function stamped(
  device: GPUDevice,
  count: number,
  record: (encoder: GPUCommandEncoder, querySet: GPUQuerySet) => void,
): Promise<number[]> {
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = device.createBuffer({ size: count * 8, usage });
  const readback = device.createBuffer({ size: count * 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  try {
    const encoder = device.createCommandEncoder();
    record(encoder, querySet);
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, readback, 0, count * 8);
    device.queue.submit([encoder.finish()]);
    await readback.mapAsync(GPUMapMode.READ);
    const times = new BigUint64Array(readback.getMappedRange().slice(0));
    return Array.from(times, (time) => Number(time - times[0]) / 1e6);
  } finally {
    [querySet, resolved, readback].forEach((owned) => owned.destroy());
  }
}
