/** Measures times. */

/** How long a measurement may take. */
export interface Patience {
  /** Largest number of timed rounds. */
  readonly rounds: number;
  /** No round starts after this many milliseconds. There is always at least one. */
  readonly budgetMs: number;
}

/** Returns the median; of an even number of values, the upper of the middle two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Calls a function as often as `patience` allows. Returns the median of its results. */
export async function medianOf(round: () => Promise<number>, { rounds, budgetMs }: Patience): Promise<number> {
  const values: number[] = [];
  const start = performance.now();
  while (values.length < rounds && (values.length === 0 || performance.now() - start < budgetMs)) {
    values.push(await round());
  }
  return median(values);
}

/** Does some work and returns its milliseconds. */
export type Timed = () => Promise<number>;

/**
 * Makes one piece of work of `inFlight` runs. It returns the milliseconds of one run. All runs are started before the
 * first is awaited, because awaiting a GPU costs milliseconds by itself.
 */
export function timed(run: () => Promise<unknown>, inFlight: number): Timed {
  return async () => {
    const start = performance.now();
    await Promise.all(Array.from({ length: inFlight }, run));
    return (performance.now() - start) / inFlight;
  };
}

/**
 * Duration of the warm-up. Meanwhile the engine compiles WebAssembly a second time, with optimization, and memory that
 * was evicted comes back.
 */
const WARM_UP_MS = 800;

/** Repeats work until it is warm. `before` is the time of earlier runs, in milliseconds. */
export async function warmUp(work: Timed, inFlight: number, before = 0): Promise<void> {
  for (let warm = before; warm < WARM_UP_MS;) warm += await work() * inFlight;
}

/** Returns the median milliseconds of a run, after a first run in which drivers compile. See {@link timed}. */
export async function timeRuns(run: () => Promise<unknown>, inFlight: number, patience: Patience): Promise<number> {
  const round = timed(run, inFlight);
  const first = await round();
  // A first round that takes longer than the budget counts as the result.
  if (first * inFlight > patience.budgetMs) return first;
  await warmUp(round, inFlight, first * inFlight);
  return await medianOf(round, patience);
}

/** Least number of turns of two kinds of work. */
const LEAST_TURNS = 3;

/** Fewer turns are made if they take longer than this many times the budget. */
const HOPELESS = 4;

/**
 * Returns the time of `work` divided by the time of `other`. Both must have run once before. The result is the median
 * over turns. Each turn is compared with the mean of the `other` turns before and after it, so that a machine that
 * slows down for seconds slows both. While one waits, it loses memory to caches and to the system. So each turn runs
 * twice and the second run counts, unless it is slow.
 */
export async function ratioInTurns(work: Timed, other: Timed, { rounds, budgetMs }: Patience): Promise<number> {
  const turn = async (timed: Timed) => {
    const ms = await timed();
    return ms < budgetMs ? await timed() : ms;
  };
  const ratios: number[] = [];
  const start = performance.now();
  for (let before = await turn(other); ratios.length < rounds;) {
    const elapsed = performance.now() - start;
    if (elapsed > budgetMs && ratios.length >= LEAST_TURNS) break;
    if (elapsed > HOPELESS * budgetMs && ratios.length > 0) break;
    const ms = await turn(work);
    const after = await turn(other);
    ratios.push(2 * ms / (before + after));
    before = after;
  }
  return median(ratios);
}
