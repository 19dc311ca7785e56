/** Pseudo-random numbers that depend only on a seed, so that a failing input can be made again. */

/** Numbers from a seed. */
export class Random {
  #state: number;

  /** Equal seeds, equal numbers. */
  constructor(...seed: (number | string)[]) {
    this.#state = 0x9e3779b9;
    for (const char of seed.join()) this.#state = Math.imul(this.#state ^ char.charCodeAt(0), 0x01000193);
  }

  /** A whole number from 0 to n - 1 (a counter through murmur3's finalizer). */
  below(n: number): number {
    let h = this.#state = (this.#state + 0x6d2b79f5) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return Math.floor(((h ^ (h >>> 16)) >>> 0) / 2 ** 32 * n);
  }

  /** One of the items. */
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}
