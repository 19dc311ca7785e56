/**
 * Maps a stream in order, `ahead` items at a time: item k + ahead is started while item k is waited for. When the reader
 * stops or an item fails, what was started is waited for, so that nothing runs on behind the caller's back.
 */
export async function* mapAhead<T, U>(
  source: Iterable<T> | AsyncIterable<T>,
  ahead: number,
  map: (item: T) => Promise<U>,
): AsyncGenerator<U> {
  const started: Promise<U>[] = [];
  try {
    for await (const item of source) {
      const result = map(item);
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
