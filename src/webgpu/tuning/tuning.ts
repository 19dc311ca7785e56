/**
 * Stores the measured speed of variants and picks a variant for a node. Measurements are saved as JSON for later
 * processes. This module uses no device; {@link ./choose.ts} measures on one.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";

/** The format tag at the beginning of the JSON. */
const FORMAT = "odconv-tuning-1";

/**
 * Most characters of a file and of a name in it, and most entries of each kind. These are far above what tuning writes.
 */
const MOST = { text: 2 ** 23, name: 2000, adapters: 64, shapes: 4096, variants: 64 } as const;

/**
 * The first variant is the guess. Another variant is preferred only if it takes less than this share of the guess's
 * time.
 */
const CLEARLY = 0.97;

/** The measurements of one shape. */
export interface Measured {
  /** SHA-256 of the variants' names and WGSL, hexadecimal. If a kernel changes, its shape is measured again. */
  readonly source: string;
  /** The time of every variant, by its name. */
  readonly milliseconds: ReadonlyMap<string, number>;
}

/** By adapter: measured times by shape. */
export type Measurements = Map<string, Map<string, Measured>>;

/** Options of {@link Tuning}. */
export interface TuningOptions {
  /**
   * Whether to measure unknown variants when a graph is compiled. If left out, only known measurements are used.
   * @default false
   */
  readonly measure?: boolean;
  /** Called with one line of text when known measurements cannot be used and after new ones were made. */
  readonly notice?: (line: string) => void;
  /** Called after a measurement with the JSON of all measurements. Save it for {@link Tuning.load}. */
  readonly onMeasured?: (json: string) => void | Promise<void>;
  /** Called while shapes are measured. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Which kernels are fastest on which adapter, for the option `tuning` of openDevice.
 *
 * ```ts
 * import { openDevice, Tuning } from "@odconv/odconv";
 *
 * const tuning = new Tuning({ measure: true, onMeasured: (json) => localStorage.setItem("tuning", json) });
 * tuning.load(localStorage.getItem("tuning") ?? "");
 * const device = await openDevice("webgpu", { tuning });
 * ```
 */
export class Tuning {
  /** The options that the constructor was given. */
  readonly options: TuningOptions;
  #known: Measurements = new Map();

  /** Creates a store without measurements. */
  constructor(options: TuningOptions = {}) {
    this.options = options;
  }

  /**
   * Replaces all measurements with those that an earlier process wrote. Damaged entries are ignored. A text that is not
   * a tuning cache is ignored too. In both cases `notice` is called with the reason. An empty string changes nothing.
   *
   * @param json The text from {@link TuningOptions.onMeasured} or {@link Tuning.toJSON}.
   * @param name The name of the text in notices.
   */
  load(json: string, name = "the tuning cache"): void {
    if (json === "") return;
    const lost: string[] = [];
    try {
      this.#known = parseTuning(json, (why) => lost.push(why));
      const what = lost.length === 1 ? "1 entry" : `${lost.length} entries`;
      const verb = lost.length === 1 ? "is" : "are";
      if (lost.length) this.options.notice?.(`${what} of ${name} ${verb} ignored: ${lost[0]}`);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.options.notice?.(`${name} is ignored: ${error.message}`);
    }
  }

  /** Returns all measurements as JSON. */
  toJSON(): string {
    const adapters = Object.fromEntries([...this.#known].map(([adapter, shapes]) => [
      adapter,
      Object.fromEntries([...shapes].map(([shape, { source, milliseconds }]) => [
        shape,
        { source, milliseconds: Object.fromEntries(milliseconds) },
      ])),
    ]));
    return JSON.stringify({ format: FORMAT, adapters }, null, 1) + "\n";
  }

  /** The adapters that have measurements. */
  get adapters(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Returns the measurements of a shape, even if they are outdated. */
  measured(adapter: string, shape: string): Measured | undefined {
    return this.#known.get(adapter)?.get(shape);
  }

  /** Stores the measurements of a shape. Replaces earlier ones. */
  add(adapter: string, shape: string, measured: Measured): void {
    const shapes = this.#known.get(adapter) ?? new Map<string, Measured>();
    shapes.delete(shape);
    shapes.set(shape, measured);
    if (shapes.size > MOST.shapes) shapes.delete(shapes.keys().next().value!);
    this.#known.set(adapter, shapes);
    if (this.#known.size > MOST.adapters) this.#known.delete(this.#known.keys().next().value!);
  }
}

/** Returns the fastest of the variants in `names`. The first name is the guess. */
export function fastest(names: readonly string[], milliseconds: Measured["milliseconds"]): string {
  const time = (name: string) => milliseconds.get(name)!;
  const best = names.reduce((best, name) => time(name) < time(best) ? name : best);
  return time(best) < CLEARLY * time(names[0]) ? best : names[0];
}

/**
 * Reads what {@link Tuning.toJSON} wrote. Damaged entries are left out, and `onLost` is called with the reason. Throws
 * DataError if the text as a whole is not such a file.
 */
export function parseTuning(json: string, onLost: (why: string) => void = () => {}): Measurements {
  if (json.length > MOST.text) throw new DataError(`it has ${json.length} characters, expected at most ${MOST.text}`);
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch (error) {
    throw new DataError(`it is not JSON: ${(error as Error).message}`);
  }
  const { format, adapters } = record(content, "it", 2);
  if (format !== FORMAT) throw new DataError(`its format is ${excerpt(format)}, expected "${FORMAT}"`);
  return mapOf(
    record(adapters, "adapters", MOST.adapters),
    onLost,
    (shapes, adapter) =>
      mapOf(record(shapes, adapter, MOST.shapes), onLost, (entry, shape): Measured => {
        const { source, milliseconds } = record(entry, shape, 2);
        if (typeof source !== "string" || !/^[0-9a-f]{64}$/.test(source)) {
          throw new DataError(`${name(shape)}: the source is ${excerpt(source)}, expected a SHA-256`);
        }
        const times = record(milliseconds, "milliseconds", MOST.variants);
        // A shape is only valid with the times of all its variants.
        return { source, milliseconds: mapOf(times, (why) => fail(`${name(shape)}: ${why}`), time) };
      }),
  );
}

function fail(why: string): never {
  throw new DataError(why);
}

function time(value: unknown, variant: string): number {
  if (typeof value === "number" && value > 0 && value < Infinity) return value;
  throw new DataError(`${name(variant)} takes ${excerpt(value)}, expected milliseconds above 0`);
}

/** Returns the entries that can be read. For every other entry, calls `onLost` with the reason. */
function mapOf<T>(
  entries: Record<string, unknown>,
  onLost: (why: string) => void,
  read: (value: unknown, key: string) => T,
): Map<string, T> {
  const known = new Map<string, T>();
  for (const [key, value] of Object.entries(entries)) {
    try {
      if (key.length > MOST.name) fail(`a name has ${key.length} characters, expected ${MOST.name}`);
      known.set(key, read(value, key));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      onLost(error.message);
    }
  }
  return known;
}

function record(value: unknown, what: string, most: number): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError(`${name(what)} is ${excerpt(value)}, expected an object`);
  }
  const { length } = Object.keys(value);
  if (length > most) throw new DataError(`${name(what)} has ${length} entries, expected at most ${most}`);
  return value as Record<string, unknown>;
}

/** Shortens a name from the file for a message. */
function name(text: string): string {
  return text === "it" ? text : excerpt(text);
}
