/**
 * Entropy decoding of JPEG scans, sequential and progressive, into quantised DCT coefficients (ITU-T T.81, Annex F and
 * G). Damaged data are read as libjpeg reads them: an invalid code is read as zero, and missing coefficients stay zero.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import { BitReader, type HuffmanTable } from "./huffman.ts";
import type { Component, JpegFile, Scan } from "./markers.ts";

/** The blocks of one component. */
export interface CoefficientPlane {
  /** Blocks per row, padded to whole MCUs. */
  readonly blocksPerRow: number;
  /** Rows of blocks, padded to whole MCUs. */
  readonly blockRows: number;
  /** 64 quantised coefficients per block in zigzag order. Blocks are in raster order. */
  readonly data: Int16Array;
}

interface State {
  readonly file: JpegFile;
  readonly scan: Scan;
  readonly bits: BitReader;
  /** Last DC value of each component of the scan. */
  readonly prediction: Int32Array;
  /** Number of blocks still to skip in the current end-of-band run. */
  endOfBandRun: number;
}

type BlockDecoder = (state: State, i: number, dc: HuffmanTable, ac: HuffmanTable, block: Int16Array) => void;

/** The content of a file's scans. */
export interface Coefficients {
  /** One plane per component. */
  readonly planes: readonly CoefficientPlane[];
  /** The last row of MCUs (of all components) for which the last scan had data. */
  readonly lastGoodRow: number;
}

/** Maximum number of blocks in an MCU. */
const MAX_BLOCKS = 10;

/** Decodes every scan of `file`. Throws DataError if a scan's header or tables are invalid. */
export function decodeCoefficients(file: JpegFile, name: string): Coefficients {
  const maxH = Math.max(...file.components.map(({ h }) => h));
  const maxV = Math.max(...file.components.map(({ v }) => v));
  const mcusPerRow = Math.ceil(file.width / (8 * maxH));
  const mcuRows = Math.ceil(file.height / (8 * maxV));
  const planes = file.components.map(({ h, v }) => ({
    blocksPerRow: mcusPerRow * h,
    blockRows: mcuRows * v,
    data: new Int16Array(mcusPerRow * h * mcuRows * v * 64),
  }));
  let lastGoodRow = 0;
  for (const scan of file.scans) {
    lastGoodRow = decodeScan(file, scan, planes, { maxH, maxV, mcusPerRow, mcuRows }, name);
  }
  return { planes, lastGoodRow };
}

interface Layout {
  readonly maxH: number;
  readonly maxV: number;
  readonly mcusPerRow: number;
  readonly mcuRows: number;
}

/** Decodes a scan. Returns the last row of MCUs for which it had data. */
function decodeScan(file: JpegFile, scan: Scan, planes: CoefficientPlane[], layout: Layout, name: string): number {
  checkScan(file, scan, name);
  const decodeBlock = blockDecoder(file, scan);
  const state: State = {
    file,
    scan,
    bits: new BitReader(scan.data),
    prediction: new Int32Array(scan.components.length),
    endOfBandRun: 0,
  };

  const blockAt = (i: number, row: number, column: number) => {
    const { index, dc, ac } = scan.components[i];
    const plane = planes[index];
    const at = (row * plane.blocksPerRow + column) * 64;
    decodeBlock(state, i, dc!, ac!, plane.data.subarray(at, at + 64));
  };

  // A scan of one component visits that component's own blocks. A scan of several components visits MCUs.
  const single = scan.components.length === 1 ? file.components[scan.components[0].index] : null;
  const columns = single ? blocks(file.width, single.h, layout.maxH) : layout.mcusPerRow;
  const rows = single ? blocks(file.height, single.v, layout.maxV) : layout.mcuRows;
  let lastGoodRow = 0;
  for (let unit = 0, restarts = 0; unit < columns * rows; unit++) {
    if (scan.restartInterval > 0 && unit > 0 && unit % scan.restartInterval === 0) {
      state.bits.restart(restarts++ & 7);
      state.prediction.fill(0);
      state.endOfBandRun = 0;
    }
    if (state.bits.exhausted) {
      if (scan.restartInterval === 0) break;
      continue;
    }
    const row = Math.floor(unit / columns);
    const column = unit % columns;
    lastGoodRow = single ? Math.floor(row / single.v) : row;
    if (single) blockAt(0, row, column);
    else decodeMcu(file.components, scan, row, column, blockAt);
  }
  return lastGoodRow;
}

/** Throws DataError if a scan's header or its tables are invalid. */
function checkScan({ progressive, components }: JpegFile, scan: Scan, name: string): void {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken JPEG: ${what}`);
  };
  const { spectralStart: start, spectralEnd: end, approximationHigh: high, approximationLow: low } = scan;
  const isOne = scan.components.length === 1;
  // A sequential scan visits all coefficients, whatever its header says.
  if (progressive) {
    const isBand = start === 0 ? end === 0 : start <= end && end < 64 && isOne;
    if (!isBand || (high !== 0 && low !== high - 1) || low > 13) fail("a scan of impossible coefficients");
  }
  const blocksInMcu = scan.components.reduce((sum, { index }) => sum + components[index].h * components[index].v, 0);
  if (!isOne && blocksInMcu > MAX_BLOCKS) fail(`${blocksInMcu} blocks in a unit, at most ${MAX_BLOCKS} are possible`);
  const needsDc = !progressive || (start === 0 && high === 0);
  const needsAc = !progressive || start > 0;
  for (const { dc, ac } of scan.components) {
    if ((needsDc && !dc) || (needsAc && !ac)) fail("a scan without its Huffman table");
    if ((needsDc && !(dc!.isValid && dc!.isForDc)) || (needsAc && !ac!.isValid)) fail("wrong Huffman table");
  }
}

/** Number of blocks along a side of `size` pixels for a component with sampling factor `factor` of `max`. */
function blocks(size: number, factor: number, max: number): number {
  return Math.ceil(Math.ceil((size * factor) / max) / 8);
}

function decodeMcu(
  components: readonly Component[],
  scan: Scan,
  row: number,
  column: number,
  blockAt: (i: number, row: number, column: number) => void,
): void {
  scan.components.forEach(({ index }, i) => {
    const { h, v } = components[index];
    for (let y = 0; y < v; y++) for (let x = 0; x < h; x++) blockAt(i, row * v + y, column * h + x);
  });
}

function blockDecoder(file: JpegFile, scan: Scan): BlockDecoder {
  if (!file.progressive) return sequentialBlock;
  if (scan.spectralStart === 0) return scan.approximationHigh === 0 ? firstDc : refineDc;
  return scan.approximationHigh === 0 ? firstAc : refineAc;
}

/** libjpeg's position of a coefficient that a damaged run moves beyond the block. */
const within = (k: number) => Math.min(k, 63);

const sequentialBlock: BlockDecoder = (state, i, dc, ac, block) => {
  state.prediction[i] += state.bits.signed(dc.decode(state.bits));
  block[0] = state.prediction[i];
  for (let k = 1; k < 64; k++) {
    const code = ac.decode(state.bits);
    const size = code & 15;
    k += code >> 4;
    if (size === 0 && code >> 4 !== 15) return;
    if (size > 0) block[within(k)] = state.bits.signed(size);
  }
};

const firstDc: BlockDecoder = (state, i, dc, _ac, block) => {
  state.prediction[i] += state.bits.signed(dc.decode(state.bits));
  block[0] = state.prediction[i] << state.scan.approximationLow;
};

const refineDc: BlockDecoder = (state, _i, _dc, _ac, block) => {
  block[0] |= state.bits.bit() << state.scan.approximationLow;
};

const firstAc: BlockDecoder = (state, _i, _dc, ac, block) => {
  if (state.endOfBandRun > 0) {
    state.endOfBandRun--;
    return;
  }
  for (let k = state.scan.spectralStart; k <= state.scan.spectralEnd; k++) {
    const code = ac.decode(state.bits);
    const run = code >> 4;
    const size = code & 15;
    if (size === 0 && run < 15) {
      state.endOfBandRun = (1 << run) - 1 + state.bits.bits(run);
      return;
    }
    k += run;
    if (size > 0) block[within(k)] = state.bits.signed(size) << state.scan.approximationLow;
  }
};

const refineAc: BlockDecoder = (state, _i, _dc, ac, block) => {
  const { spectralStart, spectralEnd, approximationLow } = state.scan;
  const step = 1 << approximationLow;
  const refine = (k: number) => {
    if (state.bits.bit() && (block[k] & step) === 0) block[k] += block[k] > 0 ? step : -step;
  };
  let k = spectralStart;
  while (state.endOfBandRun === 0 && k <= spectralEnd) {
    const code = ac.decode(state.bits);
    let run = code >> 4;
    const size = code & 15;
    if (size === 0 && run < 15) {
      state.endOfBandRun = (1 << run) + state.bits.bits(run);
      break;
    }
    const value = size === 0 ? 0 : state.bits.bit() ? step : -step;
    // The run counts coefficients that are still zero. On the way, each known coefficient takes one correction bit.
    for (; k <= spectralEnd; k++) {
      if (block[k] !== 0) refine(k);
      else if (run-- === 0) break;
    }
    if (value !== 0) block[within(k)] = value;
    k++;
  }
  if (state.endOfBandRun > 0) {
    for (; k <= spectralEnd; k++) if (block[k] !== 0) refine(k);
    state.endOfBandRun--;
  }
};
