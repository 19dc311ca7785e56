/**
 * How long commands take on the device: by timestamps where the adapter offers them and they can be believed, else by the
 * wall clock over many repetitions. Commands may be repeated: nobody looks at what they compute meanwhile.
 *
 * Some clocks stand still (timestamps of Metal that were never written are zero), and browsers round them to a step of up
 * to 100 microseconds. So an interval counts where it is positive, many steps long, and no longer than the wall clock
 * says; until it is, the commands are repeated. Timestamps stand at the begin and end of passes that do the work itself:
 * passes without work may be left out or reordered by a driver.
 *
 * @module
 */

import { BUFFER_USAGE, MAP_MODE } from "../connection/usage.ts";
import { type Command, encodeCommands, encodeCopy, encodeDispatch } from "./commands.ts";

/** When a command ran. */
export interface Span {
  /** Milliseconds since the first command began. */
  readonly start: number;
  /** Its length, above zero. */
  readonly milliseconds: number;
}

/** What measures: "timestamps" needs the feature timestamp-query. */
export type Clock = "timestamps" | "wall";

/** The better clock of a device. */
export function clockOf(device: GPUDevice): Clock {
  return device.features.has("timestamp-query") && !STANDING.has(device) ? "timestamps" : "wall";
}

/** Devices whose timestamps turned out to be no clock. */
const STANDING = new WeakSet<GPUDevice>();

/** The clock's step in nanoseconds as far as it is known: every interval seen is a multiple of it. */
const STEPS = new WeakMap<GPUDevice, bigint>();

/** No clock's step is longer, in nanoseconds. */
const MOST_STEP = 1_000_000n;

/** Steps of the clock that an interval takes at least to be measured: errors are below 7 %. */
const LONG = 16n;

/** Most commands that one set of timestamps takes; WebGPU allows 4096 timestamps. */
const MOST_TIMED = 2048;

/** By how much commands are repeated more often where they were too short. */
const REPEATS = 8;

/** The wall clock's repetitions at most, and those of timestamps that do not move. */
const MOST_WALL = REPEATS ** 4, MOST_STAMPED = REPEATS ** 3;

/** Milliseconds in which timestamps move, where they do; what takes longer is not repeated much more. */
const PATIENCE = 100;

/** Milliseconds that a browser's wall clock may be wrong by. */
const WALL_STEP = 0.1;

/**
 * Runs the commands one by one, a submission for each of the parts; answers when each ran. What cannot be measured where
 * it runs is measured by itself, and all are then taken to follow without a gap.
 */
export async function timeEach(
  device: GPUDevice,
  parts: readonly (readonly Command[])[],
  clock: Clock = clockOf(device),
): Promise<Span[]> {
  const spans: Span[] = [];
  for (const part of parts) {
    for (let first = 0; first < part.length; first += MOST_TIMED) {
      const some = part.slice(first, first + MOST_TIMED);
      const before = spans.length ? spans[spans.length - 1].start + spans[spans.length - 1].milliseconds : 0;
      const measured = clock === "timestamps" ? await spansOf(device, some) : some.map(() => undefined);
      let next = before;
      const isWhole = measured.every((span) => span !== undefined);
      for (const [i, command] of some.entries()) {
        const span = measured[i];
        const milliseconds = span?.milliseconds ?? await timeTogether(device, [command], clock);
        const start = isWhole ? before + span!.start : next;
        spans.push({ start, milliseconds });
        next = start + milliseconds;
      }
    }
  }
  return spans;
}

/** Milliseconds that the commands take one after the other, recorded as a run records them; always above zero. */
export async function timeTogether(
  device: GPUDevice,
  commands: readonly Command[],
  clock: Clock = clockOf(device),
): Promise<number> {
  return (clock === "timestamps" ? await byTimestamps(device, commands) : undefined) ?? await byWall(device, commands);
}

/** Undefined where timestamps cannot measure it. They exist around passes: what begins or ends with a copy has no border. */
async function byTimestamps(device: GPUDevice, commands: readonly Command[]): Promise<number | undefined> {
  if (commands.at(0)?.kind !== "dispatch" || commands.at(-1)?.kind !== "dispatch") return undefined;
  for (let repeats = 1; !STANDING.has(device);) {
    const repeated = Array.from({ length: repeats }, () => commands).flat();
    const { stamps: [begin, end], wall } = await stamped(device, 2, (encoder, querySet) => {
      encodeCommands(encoder, repeated, querySet);
    });
    const interval = end - begin;
    noteStep(device, [interval]);
    if (isMeasured(device, interval, wall)) return Number(interval) / 1e6 / repeats;
    const isImpossible = interval <= 0n || Number(interval) / 1e6 > wall + WALL_STEP;
    // The first time, drivers compile.
    if (repeats >= MOST_STAMPED || (isImpossible && wall > PATIENCE && repeats > 1)) {
      STANDING.add(device);
      return undefined;
    }
    repeats *= wall > PATIENCE ? 2 : REPEATS;
  }
}

/** Whether an interval in nanoseconds is one, where `wall` milliseconds passed around it. */
function isMeasured(device: GPUDevice, interval: bigint, wall: number): boolean {
  return interval > 0n && interval >= LONG * (STEPS.get(device) ?? MOST_STEP) &&
    Number(interval) / 1e6 <= wall + WALL_STEP;
}

/** Learns from intervals what step the clock has. */
function noteStep(device: GPUDevice, intervals: readonly bigint[]): void {
  let step = STEPS.get(device) ?? 0n;
  for (let rest of intervals) {
    if (rest < 0n) rest = -rest;
    while (rest > 0n) [step, rest] = [rest, step % rest];
  }
  if (step > 0n) STEPS.set(device, step < MOST_STEP ? step : MOST_STEP);
}

/** When each command of one submission ran, since the first dispatch began; undefined where that was not measured. */
async function spansOf(device: GPUDevice, commands: readonly Command[]): Promise<(Span | undefined)[]> {
  const dispatches = commands.filter(({ kind }) => kind === "dispatch").length;
  if (dispatches === 0) return commands.map(() => undefined);
  const { stamps, wall } = await stamped(device, 2 * dispatches, (encoder, querySet) => {
    let at = 0;
    for (const command of commands) {
      if (command.kind === "copy") encodeCopy(encoder, command);
      else {
        const timestampWrites = { querySet, beginningOfPassWriteIndex: at++, endOfPassWriteIndex: at++ };
        const pass = encoder.beginComputePass({ timestampWrites });
        encodeDispatch(pass, command);
        pass.end();
      }
    }
  });
  noteStep(device, stamps.map((stamp) => stamp - stamps[0]));
  const span = (begin: bigint, end: bigint, share = 1, offset = 0): Span | undefined => {
    if (!isMeasured(device, end - begin, wall) || begin < stamps[0]) return undefined;
    const whole = Number(end - begin) / 1e6;
    return { start: Number(begin - stamps[0]) / 1e6 + whole * offset, milliseconds: whole * share };
  };
  let dispatch = 0;
  return commands.map((command, i) => {
    if (command.kind === "dispatch") return span(stamps[2 * dispatch], stamps[2 * dispatch++ + 1]);
    // Copies share what lies between the dispatches around them, by their rows.
    const [before, after] = [stamps[2 * dispatch - 1], stamps[2 * dispatch]];
    if (before === undefined || after === undefined) return undefined;
    const first = commands.findLastIndex(({ kind }, j) => j < i && kind === "dispatch") + 1;
    const end = commands.findIndex(({ kind }, j) => j > i && kind === "dispatch");
    const rows = (to: number) =>
      commands.slice(first, to).reduce((sum, copy) => sum + (copy.kind === "copy" ? copy.rows : 0), 0);
    return span(before, after, command.rows / rows(end), rows(i) / rows(end));
  });
}

async function byWall(device: GPUDevice, commands: readonly Command[]): Promise<number> {
  const floor = Math.max(WALL_STEP, Math.min(await wallTime(device, [], 1), await wallTime(device, [], 1)));
  for (let repeats = 1;; repeats *= REPEATS) {
    const time = await wallTime(device, commands, repeats) - floor;
    if (time > 2 * floor) return time / repeats;
    // What vanishes in the noise takes at most the noise, and never nothing.
    if (repeats >= MOST_WALL) return floor / repeats;
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

/** Submits what is recorded with `count` timestamps; answers them, and the milliseconds until they were there. */
async function stamped(
  device: GPUDevice,
  count: number,
  record: (encoder: GPUCommandEncoder, querySet: GPUQuerySet) => void,
): Promise<{ readonly stamps: bigint[]; readonly wall: number }> {
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const usage = BUFFER_USAGE.QUERY_RESOLVE | BUFFER_USAGE.COPY_SRC;
  const resolved = device.createBuffer({ size: count * 8, usage });
  const readback = device.createBuffer({ size: count * 8, usage: BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST });
  try {
    const encoder = device.createCommandEncoder();
    record(encoder, querySet);
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, readback, 0, count * 8);
    const began = performance.now();
    device.queue.submit([encoder.finish()]);
    await readback.mapAsync(MAP_MODE.READ);
    const wall = performance.now() - began;
    return { stamps: [...new BigUint64Array(readback.getMappedRange().slice(0))], wall };
  } finally {
    [querySet, resolved, readback].forEach((owned) => owned.destroy());
  }
}
