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

/** Work that answers how many milliseconds it took. */
export type Timed = () => Promise<number>;

/**
 * `inFlight` runs as one piece of work, answering the milliseconds of one: they are started before the first is awaited,
 * because awaiting a GPU costs milliseconds by itself.
 */
export function timed(run: () => Promise<unknown>, inFlight: number): Timed {
  return async () => {
    const start = performance.now();
    await Promise.all(Array.from({ length: inFlight }, run));
    return (performance.now() - start) / inFlight;
  };
}

/**
 * Work is done for so long before the first that counts: WebAssembly is compiled a second time, better, meanwhile, and what
 * waited gets its memory back.
 */
const WARM_UP_MS = 800;

/** Does work that was done once already, in so many milliseconds, until it is warm. */
export async function warmUp(work: Timed, inFlight: number, before = 0): Promise<void> {
  for (let warm = before; warm < WARM_UP_MS;) warm += await work() * inFlight;
}

/** Median milliseconds of a run that was run once before, for drivers compile in the first. See {@link timed}. */
export async function timeRuns(run: () => Promise<unknown>, inFlight: number, patience: Patience): Promise<number> {
  const round = timed(run, inFlight);
  const first = await round();
  // A slow first round is as good as any other: it counts.
  if (first * inFlight > patience.budgetMs) return first;
  await warmUp(round, inFlight, first * inFlight);
  return await medianOf(round, patience);
}

/** How often two kinds of work take turns, at least. */
const LEAST_TURNS = 3;

/** Turns are given up for fewer where one takes this many times as long as patience lasts. */
const HOPELESS = 4;

/**
 * How many times as long `work` takes as `other`, both done once before: the median of turns, each beside the mean of the
 * others before and after it, so that a machine that slows down for seconds slows both. Who waited has lost memory to caches
 * and to the system: a turn is done twice and the second counts, unless it is slow.
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
