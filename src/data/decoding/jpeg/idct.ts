/**
 * The inverse DCT of libjpeg's default method ("islow"): the integer form of Loeffler, Ligtenberg and Moschytz's
 * algorithm (ICASSP 1989) with 13-bit constants and 2 extra bits between the passes. Bit-exactness needs exactly this
 * arithmetic, because the JPEG standard does not define the transform's rounding. Damaged coefficients may exceed 16
 * bits. They wrap and saturate in the same places as in libjpeg-turbo on x86-64, which uses 16-bit arithmetic there.
 *
 * @module
 */

import type { CoefficientPlane } from "./coefficients.ts";

/** Samples of one component. */
export interface SamplePlane {
  /** Distance between rows in samples, padded to whole blocks. */
  readonly stride: number;
  /** 8-bit samples, rows from top to bottom. */
  readonly data: Uint8ClampedArray;
}

/** Raster position of each coefficient in zigzag order. */
const ZIGZAG: readonly number[] = zigzag();

function zigzag(): number[] {
  const order = Array.from({ length: 64 }, (_, i) => ({ x: i % 8, y: i >> 3 }));
  // Diagonal by diagonal, upwards on the even ones.
  order.sort((a, b) => a.x + a.y - (b.x + b.y) || ((a.x + a.y) % 2 === 0 ? b.y - a.y : a.y - b.y));
  return order.map(({ x, y }) => y * 8 + x);
}

const CONST_BITS = 13;
const PASS1_BITS = 2;
const fix = (value: number) => Math.round(value * (1 << CONST_BITS));
const F_0_298 = fix(0.298631336);
const F_0_390 = fix(0.390180644);
const F_0_541 = fix(0.541196100);
const F_0_765 = fix(0.765366865);
const F_0_899 = fix(0.899976223);
const F_1_175 = fix(1.175875602);
const F_1_501 = fix(1.501321110);
const F_1_847 = fix(1.847759065);
const F_1_961 = fix(1.961570560);
const F_2_053 = fix(2.053119869);
const F_2_562 = fix(2.562915447);
const F_3_072 = fix(3.072711026);

/** Returns the samples of `plane`. Its coefficients are multiplied by `quantisation` (zigzag order). */
export function inverseDct(plane: CoefficientPlane, quantisation: Uint16Array): SamplePlane {
  const stride = plane.blocksPerRow * 8;
  const data = new Uint8ClampedArray(stride * plane.blockRows * 8);
  const work = new Int32Array(64);
  for (let block = 0; block < plane.blocksPerRow * plane.blockRows; block++) {
    let isFlat = true;
    for (let k = 0; k < 64; k++) {
      const at = ZIGZAG[k];
      work[at] = wrap16(plane.data[block * 64 + k] * quantisation[k]);
      if (at >= 8 && work[at] !== 0) isFlat = false;
    }
    for (let column = 0; column < 8; column++) {
      if (isFlat) { for (let row = 7; row >= 0; row--) work[row * 8 + column] = wrap16(work[column] << PASS1_BITS); }
      else transform(work, column, 8, CONST_BITS - PASS1_BITS);
    }
    for (let row = 0; row < 8; row++) transform(work, row * 8, 1, CONST_BITS + PASS1_BITS + 3);
    const corner = Math.floor(block / plane.blocksPerRow) * 8 * stride + (block % plane.blocksPerRow) * 8;
    for (let i = 0; i < 64; i++) data[corner + (i >> 3) * stride + (i & 7)] = work[i] + 128;
  }
  return { stride, data };
}

/**
 * One 8-point inverse DCT in place on work[start + i * step]. The result is rounded and loses its low `shift` bits.
 */
function transform(work: Int32Array, start: number, step: number, shift: number): void {
  const at = (i: number) => work[start + i * step];

  // Even part: coefficients 0, 2, 4, 6.
  const z1 = (at(2) + at(6)) * F_0_541;
  const even2 = z1 - at(6) * F_1_847;
  const even3 = z1 + at(2) * F_0_765;
  const even0 = wrap16(at(0) + at(4)) << CONST_BITS;
  const even1 = wrap16(at(0) - at(4)) << CONST_BITS;
  const e = [even0 + even3, even1 + even2, even1 - even2, even0 - even3];

  // Odd part: coefficients 7, 5, 3, 1.
  const z3 = wrap16(at(7) + at(3));
  const z4 = wrap16(at(5) + at(1));
  const z5 = (z3 + z4) * F_1_175;
  const a = -(at(7) + at(1)) * F_0_899;
  const b = -(at(5) + at(3)) * F_2_562;
  const c = z5 - z3 * F_1_961;
  const d = z5 - z4 * F_0_390;
  const o = [
    at(1) * F_1_501 + a + d,
    at(3) * F_3_072 + b + c,
    at(5) * F_2_053 + b + d,
    at(7) * F_0_298 + a + c,
  ];

  const half = 1 << (shift - 1);
  for (let i = 0; i < 4; i++) {
    work[start + i * step] = saturate16((e[i] + o[i] + half) >> shift);
    work[start + (7 - i) * step] = saturate16((e[i] - o[i] + half) >> shift);
  }
}

const wrap16 = (value: number) => (value << 16) >> 16;
const saturate16 = (value: number) => Math.min(Math.max(value, -32768), 32767);
