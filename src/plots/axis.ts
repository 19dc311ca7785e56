/** An axis. */
export interface Axis {
  /** The quantity: "loss". */
  readonly label: string;
  /** Its unit: "ms". */
  readonly unit?: string;
  /** If true, the axis is logarithmic, for positive values that differ by factors. */
  readonly log?: boolean;
}

/** Tick mantissas of a logarithmic axis, by the number of powers of ten that it spans. */
const MANTISSAS: readonly (readonly number[])[] = [[1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 2, 5], [1]];

/** Returns options of Plot's scale, axis and grid for numbers in `domain`. */
export function scaleOf({ label, unit, log }: Axis, domain: readonly [low: number, high: number]) {
  return {
    scale: {
      type: log ? "log" as const : "linear" as const,
      domain: [...domain],
      label: unit ? `${label}, ${unit}` : label,
    },
    axis: {
      tickSize: 0,
      ticks: log ? logTicks(domain) : 6,
      tickFormat: (value: number) => String(Number(value.toPrecision(6))),
    },
  };
}

/** Returns true if the axis can show the number. */
export function hasPlace({ log }: Axis, value: number): boolean {
  return Number.isFinite(value) && !(log && value <= 0);
}

/**
 * Returns the smallest and the largest number. The numbers must be showable on the axis. The range never has length
 * zero.
 */
export function domainOf({ log }: Axis, numbers: readonly number[]): [low: number, high: number] {
  const low = numbers.reduce((a, b) => Math.min(a, b), Infinity);
  const high = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low < high) return [low, high];
  if (low > high) return log ? [1, 10] : [0, 1];
  return log ? [low / 2, low * 2] : [low - 1, low + 1];
}

function logTicks([low, high]: readonly [number, number]): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const mantissas = MANTISSAS[Math.min(Math.floor(Math.log10(high / low)), MANTISSAS.length - 1)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => mantissas.map((m) => m * 10 ** (first + i))).flat();
  return ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
}
