/**
 * How exactly a progressive file's scans tell each coefficient.
 *
 * @module
 */

import type { JpegFile } from "./markers.ts";

/** The first coefficients (zigzag order) of which libjpeg asks whether they are known. */
export const TRACKED = 10;

/** What is known of a component's first coefficients: low bits still missing, 0 for none, -1 where nothing is known. */
export interface Progression {
  /** After all scans. */
  readonly bits: Int8Array;
  /** Before the component's last scan, as libjpeg keeps it. */
  readonly before: Int8Array;
}

/** By component. */
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

/** True for a progressive file whose scans leave some of the first coefficients uncertain, so that they are guessed. */
export function isUnfinished(file: JpegFile): boolean {
  if (!file.progressive) return false;
  const known = progressionOf(file);
  return known.every(({ bits }) => bits[0] >= 0) && known.some(({ bits }) => bits.subarray(1).some((n) => n !== 0));
}
