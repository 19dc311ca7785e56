/**
 * Reads how a TIFF file's samples are stored. Unsupported kinds are refused with their names.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import { DECOMPRESS } from "./decompress.ts";
import { Tag, type TiffTags } from "./tags.ts";

/** The meaning of a sample. */
export const Photometric = { WHITE_IS_ZERO: 0, BLACK_IS_ZERO: 1, RGB: 2, PALETTE: 3, CMYK: 5 } as const;

/** How samples are stored. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** One of `Photometric`. */
  readonly photometric: number;
  /** Samples per pixel, and bits per sample. */
  readonly samples: number;
  readonly bits: number;
  /** Whether the fourth sample of RGB is alpha and the colours are premultiplied with it. */
  readonly isPremultiplied: boolean;
  readonly littleEndian: boolean;
  readonly compression: number;
  readonly predictor: number;
  /** Whether each channel is stored separately. */
  readonly isPlanar: boolean;
  /** The strips or tiles: their size and the position of each. */
  readonly part: { readonly width: number; readonly height: number; readonly isTile: boolean };
  readonly offsets: readonly number[];
  readonly counts: readonly number[];
}

const COMPRESSIONS: Readonly<Record<number, string>> = {
  2: "CCITT",
  3: "CCITT (fax 3)",
  4: "CCITT (fax 4)",
  6: "JPEG (old)",
  7: "JPEG",
  34712: "JPEG 2000",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
};

/** By meaning: the number of colour samples, and the allowed bits and extra samples. */
const KINDS: Readonly<Record<number, { colors: number; bits: readonly number[]; mostExtra: number }>> = {
  [Photometric.WHITE_IS_ZERO]: { colors: 1, bits: [1, 2, 4, 8], mostExtra: 0 },
  [Photometric.BLACK_IS_ZERO]: { colors: 1, bits: [1, 2, 4, 8, 16], mostExtra: 1 },
  [Photometric.RGB]: { colors: 3, bits: [8, 16], mostExtra: 1 },
  [Photometric.PALETTE]: { colors: 1, bits: [1, 2, 4, 8], mostExtra: 0 },
  [Photometric.CMYK]: { colors: 4, bits: [8, 16], mostExtra: 0 },
};

/** Reads the layout. Throws DataError. */
export function readLayout(tags: TiffTags, name: string): Layout {
  const fail = (kind: "broken" | "unsupported", what: string): never => {
    const remedy = kind === "unsupported" ? " (re-save it as PNG)" : "";
    throw new DataError(`${name}: ${kind} TIFF: ${what}${remedy}`);
  };
  const one = (tag: number, otherwise: number) => tags.numbers(tag)[0] ?? otherwise;
  const width = one(Tag.WIDTH, 0), height = one(Tag.HEIGHT, 0);
  const photometric = one(Tag.PHOTOMETRIC, 0);
  const compression = one(Tag.COMPRESSION, 1);
  const samples = one(Tag.SAMPLES, 1);
  const predictor = one(Tag.PREDICTOR, 1);
  const stated = tags.numbers(Tag.BITS);
  const bits = stated[0] ?? 1;
  const kind = KINDS[photometric] ?? fail("unsupported", `colours of kind ${photometric}`);
  if (!DECOMPRESS[compression]) fail("unsupported", `compression ${COMPRESSIONS[compression] ?? compression}`);
  const extra = tags.numbers(Tag.EXTRA_SAMPLES);
  const isKnown = kind.bits.includes(bits) && stated.every((n) => n === bits) && samples >= kind.colors &&
    samples <= kind.colors + kind.mostExtra && (samples === kind.colors || bits >= 8) &&
    (stated.length === 0 || stated.length === 1 || stated.length >= samples);
  if (!isKnown) {
    fail("unsupported", `${samples} samples of ${stated.join(", ") || 1} bits for colours of kind ${photometric}`);
  }
  // For grey with alpha, PIL accepts only 8 bits, and only if the file marks the extra channel as alpha.
  if (samples === 2 && !(bits === 8 && extra[0] === 2)) fail("unsupported", "grey with an extra channel of this kind");
  if (samples === kind.colors && extra.length > 0) fail("unsupported", "an extra channel that no pixel has");
  if (extra.some((n) => ![0, 1, 2, 999].includes(n))) fail("unsupported", `extra channels of kind ${extra.join(", ")}`);
  const format = tags.numbers(Tag.SAMPLE_FORMAT);
  if (format.some((n) => n !== 1)) fail("unsupported", "samples that are no whole numbers from zero");
  if (one(Tag.FILL_ORDER, 1) !== 1) fail("unsupported", "bytes with their lowest bit first");
  if (![1, 2].includes(predictor) || (predictor === 2 && bits < 8 && compression !== 1)) {
    fail("unsupported", `predictor ${predictor} of ${bits} bits`);
  }
  const isPlanar = one(Tag.PLANES, 1) === 2 && samples > 1;
  if (isPlanar && (bits !== 8 || samples !== kind.colors)) {
    fail("unsupported", "channels stored apart, of more than 8 bits or with others");
  }

  const isTile = tags.numbers(Tag.STRIP_OFFSETS).length === 0;
  const part = isTile
    ? { width: one(Tag.TILE_WIDTH, 0), height: one(Tag.TILE_HEIGHT, 0), isTile }
    : { width, height: Math.min(one(Tag.ROWS_PER_STRIP, height), height), isTile };
  if (!(part.width > 0 && part.height > 0 && part.width * part.height <= 1 << 28)) {
    fail("broken", "no strips and no tiles");
  }
  const offsets = tags.numbers(isTile ? Tag.TILE_OFFSETS : Tag.STRIP_OFFSETS);
  const counts = tags.numbers(isTile ? Tag.TILE_BYTES : Tag.STRIP_BYTES);
  const parts = Math.ceil(width / part.width) * Math.ceil(height / part.height) * (isPlanar ? samples : 1);
  if (offsets.length < parts || (compression !== 1 && counts.length < parts)) {
    fail("broken", `${offsets.length} strips or tiles, expected ${parts}`);
  }
  const { littleEndian } = tags;
  const isPremultiplied = photometric === Photometric.RGB && extra[0] === 1;
  return {
    ...{ width, height, photometric, samples, bits, isPremultiplied, littleEndian },
    ...{ compression, predictor, isPlanar, part, offsets, counts },
  };
}
