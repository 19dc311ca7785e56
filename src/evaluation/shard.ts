/**
 * Cutting a data set into shards for several machines.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** The I-th of N parts. */
export interface Shard {
  /** I, from 1. */
  readonly index: number;
  /** N. */
  readonly count: number;
}

/** As a report says it. */
export interface ReportedShard extends Shard {
  /** Images of all the shards together, broken ones included. */
  readonly of: number;
}

/**
 * Which images are a shard's: [start, end) of a data set of `images`. Shards are contiguous and as equal as whole images
 * allow, so that their reports, one after the other, are the report of the whole in its order. Throws DataError where
 * a shard would be empty.
 */
export function shardRange({ index, count }: Shard, images: number): { start: number; end: number } {
  const start = Math.floor((index - 1) * images / count);
  const end = Math.floor(index * images / count);
  if (start === end) {
    throw new DataError(`shard ${index}/${count} of ${images} images is empty; take fewer shards`);
  }
  return { start, end };
}
