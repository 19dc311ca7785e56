/**
 * Maps a stream in order, `ahead` items at a time: item k + ahead is started while item k is awaited. If the source fails,
 * the items before the failure are returned first. If the reader stops or an item fails, the items that were started are
 * awaited. So nothing runs after the caller has stopped.
 */
export async function* mapAhead<T, U>(
  source: Iterable<T> | AsyncIterable<T>,
  ahead: number,
  map: (item: T) => Promise<U>,
): AsyncGenerator<U> {
  const started: Promise<U>[] = [];
  try {
    for await (const next of untilFailure(source)) {
      const result = "error" in next ? Promise.reject(next.error) : map(next.item);
      // Its turn to be waited for may come long after it failed.
      result.catch(() => {});
      started.push(result);
      if (started.length >= ahead) yield await started.shift()!;
    }
    while (started.length) yield await started.shift()!;
  } finally {
    await Promise.allSettled(started);
  }
}

/** The items of a source, and as the last one the error that ended it. */
async function* untilFailure<T>(
  source: Iterable<T> | AsyncIterable<T>,
): AsyncGenerator<{ readonly item: T } | { readonly error: unknown }> {
  try {
    for await (const item of source) yield { item };
  } catch (error) {
    yield { error };
  }
}
