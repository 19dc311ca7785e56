/** Taking times. */

/** How long a measurement may take. */
export interface Patience {
  /** Timed rounds at most. */
  readonly rounds: number;
  /** No round starts after so many milliseconds; one always does. */
  readonly budgetMs: number;
}

/** The middle one; of an even number, the upper of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** The median of what a function answers, as often as patience lasts. */
export async function medianOf(round: () => Promise<number>, { rounds, budgetMs }: Patience): Promise<number> {
  const values: number[] = [];
  const start = performance.now();
  while (values.length < rounds && (values.length === 0 || performance.now() - start < budgetMs)) {
    values.push(await round());
  }
  return median(values);
}

/** Runs for so long before the first that counts: WebAssembly is compiled a second time, better, while it runs. */
const WARM_UP_MS = 400;

/**
 * Median milliseconds of a run. `inFlight` runs are started before the first is awaited, because awaiting a GPU costs
 * milliseconds by itself. Run once before: drivers compile in the first.
 */
export async function timeRuns(run: () => Promise<unknown>, inFlight: number, patience: Patience): Promise<number> {
  const round = async () => {
    const start = performance.now();
    await Promise.all(Array.from({ length: inFlight }, run));
    return (performance.now() - start) / inFlight;
  };
  for (let warm = 0; warm < WARM_UP_MS;) {
    const ms = await round() * inFlight;
    // A slow first round is as good as any other: it counts.
    if (warm === 0 && ms > patience.budgetMs) return ms / inFlight;
    warm += ms;
  }
  return await medianOf(round, patience);
}

/** How often two runs take turns, at least. */
const LEAST_TURNS = 3;

/**
 * How many times as long `run` takes as `other`, both run once before: the median of turns, each beside the mean of the
 * others before and after it, so that a machine that slows down for seconds slows both.
 */
export async function ratioInTurns(
  run: () => Promise<unknown>,
  other: () => Promise<unknown>,
  { rounds, budgetMs }: Patience,
): Promise<number> {
  const time = async (work: () => Promise<unknown>) => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const ratios: number[] = [];
  const start = performance.now();
  for (let before = await time(other); ratios.length < rounds;) {
    if (ratios.length >= LEAST_TURNS && performance.now() - start > budgetMs) break;
    const ms = await time(run);
    const after = await time(other);
    ratios.push(2 * ms / (before + after));
    before = after;
  }
  return median(ratios);
}
