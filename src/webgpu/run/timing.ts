/**
 * Measures how long commands take on the device. It uses timestamps if the adapter has them and they are plausible.
 * Otherwise it uses the wall clock over many repetitions. Commands may be repeated, because their results are not used
 * during a measurement.
 *
 * Some clocks stand still: timestamps that Metal never wrote are zero. Browsers round timestamps to a step of up to 100
 * microseconds. So an interval is accepted only if it is positive, many steps long, and no longer than the wall clock
 * says. Until then, the commands are repeated. Timestamps are written at the begin and end of passes that do the work
 * itself, because a driver may omit or reorder empty passes.
 *
 * @module
 */

import { BUFFER_USAGE, MAP_MODE } from "../connection/usage.ts";
import { type Command, encodeCommands, encodeCopy, encodeDispatch } from "./commands.ts";

/** When a command ran. */
export interface Span {
  /** Milliseconds since the first command began. */
  readonly start: number;
  /** Its duration; always above zero. */
  readonly milliseconds: number;
}

/** The clock of a measurement. "timestamps" needs the feature timestamp-query. */
export type Clock = "timestamps" | "wall";

/** Returns the better clock of a device. */
export function clockOf(device: GPUDevice): Clock {
  return device.features.has("timestamp-query") && !STANDING.has(device) ? "timestamps" : "wall";
}

/** Devices whose timestamps do not work. */
const STANDING = new WeakSet<GPUDevice>();

/** The known step of each device's clock in nanoseconds. Every interval seen so far is a multiple of it. */
const STEPS = new WeakMap<GPUDevice, bigint>();

/** The longest step that a clock can have, in nanoseconds. */
const MOST_STEP = 1_000_000n;

/** An interval must be at least this many clock steps long. The error is then below 7 %. */
const LONG = 16n;

/** Most commands per set of timestamps. WebGPU allows 4096 timestamps. */
const MOST_TIMED = 2048;

/** If commands were too short to measure, they are repeated this many times more often. */
const REPEATS = 8;

/** Most repetitions with the wall clock, and with timestamps that do not move. */
const MOST_WALL = REPEATS ** 4, MOST_STAMPED = REPEATS ** 3;

/** Working timestamps move within this many milliseconds. Commands that take longer are not repeated much more. */
const PATIENCE = 100;

/** The error of a browser's wall clock in milliseconds. */
const WALL_STEP = 0.1;

/**
 * Runs the commands one by one, with one submission for each part. Returns when each command ran. A command that cannot
 * be measured in place is measured alone. In that case all commands are assumed to run without gaps.
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

/** Returns the milliseconds of the commands, recorded as in a run, one after the other. Always above zero. */
export async function timeTogether(
  device: GPUDevice,
  commands: readonly Command[],
  clock: Clock = clockOf(device),
): Promise<number> {
  return (clock === "timestamps" ? await byTimestamps(device, commands) : undefined) ?? await byWall(device, commands);
}

/**
 * Returns undefined if timestamps cannot measure the commands. Only passes have timestamps, so commands that begin or
 * end with a copy have no boundary to measure.
 */
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
    // Drivers compile during the first repetition.
    if (repeats >= MOST_STAMPED || (isImpossible && wall > PATIENCE && repeats > 1)) {
      STANDING.add(device);
      return undefined;
    }
    repeats *= wall > PATIENCE ? 2 : REPEATS;
  }
}

/** Whether an interval in nanoseconds is plausible. `wall` is the milliseconds that passed around it. */
function isMeasured(device: GPUDevice, interval: bigint, wall: number): boolean {
  return interval > 0n && interval >= LONG * (STEPS.get(device) ?? MOST_STEP) &&
    Number(interval) / 1e6 <= wall + WALL_STEP;
}

/** Updates the known step of the clock from intervals. */
function noteStep(device: GPUDevice, intervals: readonly bigint[]): void {
  let step = STEPS.get(device) ?? 0n;
  for (let rest of intervals) {
    if (rest < 0n) rest = -rest;
    while (rest > 0n) [step, rest] = [rest, step % rest];
  }
  if (step > 0n) STEPS.set(device, step < MOST_STEP ? step : MOST_STEP);
}

/**
 * Returns when each command of one submission ran, counted from the first dispatch. Returns undefined for what was not
 * measured.
 */
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
    // The time between two dispatches is split among the copies between them, by their rows.
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
    // A time below the noise counts as the noise, so it is never zero.
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

/** Submits commands with `count` timestamps. Returns the timestamps and the milliseconds until they arrived. */
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
