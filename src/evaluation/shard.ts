/**
 * Cuts a data set into shards for several machines.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** Part I of N. */
export interface Shard {
  /** I, from 1. */
  readonly index: number;
  /** N, the number of parts. */
  readonly count: number;
}

/** A shard in a report. */
export interface ReportedShard extends Shard {
  /** Number of images in all shards, broken ones included. */
  readonly of: number;
}

/**
 * Returns the images of a shard: [start, end) of a data set of `images`. Shards are contiguous and differ in size by at
 * most one image. So their reports, one after the other, are the report of the whole data set in its order. Throws
 * DataError if a shard would be empty.
 */
export function shardRange({ index, count }: Shard, images: number): { start: number; end: number } {
  const start = Math.floor((index - 1) * images / count);
  const end = Math.floor(index * images / count);
  if (start === end) {
    throw new DataError(`shard ${index}/${count} of ${images} images is empty; take fewer shards`);
  }
  return { start, end };
}
