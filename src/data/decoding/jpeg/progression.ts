/**
 * Tracks how exactly a progressive file's scans define each coefficient.
 *
 * @module
 */

import type { JpegFile } from "./markers.ts";

/** Number of first coefficients (zigzag order) that libjpeg checks. */
export const TRACKED = 10;

/**
 * The known precision of a component's first coefficients: the number of low bits still missing, 0 for none, or -1 if
 * nothing is known.
 */
export interface Progression {
  /** After all scans. */
  readonly bits: Int8Array;
  /** Before the component's last scan, as libjpeg stores it. */
  readonly before: Int8Array;
}

/** Returns the progression of each component. */
export function progressionOf({ components, scans }: JpegFile): Progression[] {
  const known = components.map(() => ({ bits: new Int8Array(64).fill(-1), before: new Int8Array(64).fill(-1) }));
  scans.forEach((scan, number) => {
    const { spectralStart, spectralEnd, approximationLow } = scan;
    for (const { index } of scan.components) {
      const { bits, before } = known[index];
      for (let k = Math.min(spectralStart, 1); k <= Math.max(spectralEnd, TRACKED - 1); k++) {
        before[k] = number > 0 ? bits[k] : 0;
      }
      bits.fill(approximationLow, spectralStart, spectralEnd + 1);
    }
  });
  return known.map(({ bits, before }) => ({
    bits: bits.slice(0, TRACKED),
    before: scans.length > 1 ? before.slice(0, TRACKED) : new Int8Array(TRACKED).fill(-1),
  }));
}

/**
 * Returns true for a progressive file if its scans leave some of the first coefficients uncertain. These are then
 * guessed.
 */
export function isUnfinished(file: JpegFile): boolean {
  if (!file.progressive) return false;
  const known = progressionOf(file);
  return known.every(({ bits }) => bits[0] >= 0) && known.some(({ bits }) => bits.subarray(1).some((n) => n !== 0));
}
