/**
 * What is known of the speed of variants: which of them to take for a node, and the JSON in which one process tells the
 * next. Knows no device; {@link ./choose.ts} asks it and measures for it.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";

/** The first words of the JSON. */
const FORMAT = "odconv-tuning-1";

/** Most characters of a file, of a name in it, and most entries of each kind: far above what tuning writes. */
const MOST = { text: 2 ** 23, name: 2000, adapters: 64, shapes: 4096, variants: 64 } as const;

/** The first variant is the guess: another must take less than this share of its time to be preferred. */
const CLEARLY = 0.97;

/** What was measured of one shape. */
export interface Measured {
  /** SHA-256 of the variants' names and WGSL, hexadecimal: whoever changes a kernel measures again. */
  readonly source: string;
  /** Time of every variant, by its name. */
  readonly milliseconds: ReadonlyMap<string, number>;
}

/** Shapes by adapter, measured times by shape. */
export type Measurements = Map<string, Map<string, Measured>>;

/** Choices of {@link Tuning}. */
export interface TuningOptions {
  /** Measure what is not known whenever a graph is compiled. Left out: only what is known already is used. */
  readonly measure?: boolean;
  /** Told in one line what was known and could not be used, and what was measured. */
  readonly notice?: (line: string) => void;
  /** Called with the JSON of all that is known after something was measured: to keep it for {@link Tuning.load}. */
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
  /** What was given. */
  readonly options: TuningOptions;
  #known: Measurements = new Map();

  /** Knows nothing at first. */
  constructor(options: TuningOptions = {}) {
    this.options = options;
  }

  /**
   * Takes over what an earlier process wrote. An entry that is damaged is ignored, and so is a text that is no cache at all;
   * `notice` is told why. "" is nothing.
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

  /** All that is known. */
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

  /** Adapters that something is known of. */
  get adapters(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** What was measured of a shape, whether or not it is still true. */
  measured(adapter: string, shape: string): Measured | undefined {
    return this.#known.get(adapter)?.get(shape);
  }

  /** Notes what was measured of a shape, in the place of what was known. */
  add(adapter: string, shape: string, measured: Measured): void {
    const shapes = this.#known.get(adapter) ?? new Map<string, Measured>();
    shapes.delete(shape);
    shapes.set(shape, measured);
    if (shapes.size > MOST.shapes) shapes.delete(shapes.keys().next().value!);
    this.#known.set(adapter, shapes);
    if (this.#known.size > MOST.adapters) this.#known.delete(this.#known.keys().next().value!);
  }
}

/** The variant to take of those in `names`, the guess first. */
export function fastest(names: readonly string[], milliseconds: Measured["milliseconds"]): string {
  const time = (name: string) => milliseconds.get(name)!;
  const best = names.reduce((best, name) => time(name) < time(best) ? name : best);
  return time(best) < CLEARLY * time(names[0]) ? best : names[0];
}

/**
 * Reads what {@link Tuning.toJSON} wrote. An entry that is damaged is left out, and `onLost` told why. Throws DataError
 * where the whole is anything else.
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
        // A shape is known by the times of all its variants.
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

/** The entries that can be read; of each other one `onLost` is told why not. */
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

/** A name from the file, short. */
function name(text: string): string {
  return text === "it" ? text : excerpt(text);
}
