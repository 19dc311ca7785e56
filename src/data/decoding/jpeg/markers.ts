/**
 * Parses the structure of a JPEG file (ITU-T T.81, Annex B): its frame, its tables and the position of each scan's
 * data. It decodes nothing.
 *
 * @module
 */

import { DataError } from "../../../errors.ts";
import { HuffmanTable } from "./huffman.ts";

/** One component (channel) of the frame. */
export interface Component {
  /** The identifier that scans use for it. */
  readonly id: number;
  /** Horizontal sampling factor, 1..4. Its share of samples is this factor over the frame's largest one. */
  readonly h: number;
  /** Vertical sampling factor, 1..4. */
  readonly v: number;
  /** The slot (0..3) of its quantisation table. */
  readonly quantisation: number;
}

/** One scan: entropy-coded data of one or more components, with the tables valid at its start. */
export interface Scan {
  /** The components in the scan, as indices into the frame's components, with their Huffman tables. */
  readonly components: readonly { index: number; dc: HuffmanTable | undefined; ac: HuffmanTable | undefined }[];
  /** Valid quantisation tables by slot: 64 values in zigzag order. */
  readonly quantisation: readonly (Uint16Array | undefined)[];
  /** First coefficient of the spectral band, 0..63. */
  readonly spectralStart: number;
  /** Last coefficient of the band, included. */
  readonly spectralEnd: number;
  /** Successive approximation: the bit position of the previous scan, 0 for the first scan. */
  readonly approximationHigh: number;
  /** Successive approximation: the bit position of this scan. */
  readonly approximationLow: number;
  /** MCUs between restart markers, 0 for none. */
  readonly restartInterval: number;
  /** Entropy-coded bytes of the file, including restart markers. */
  readonly data: Uint8Array;
}

/** A parsed JPEG file. */
export interface JpegFile {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Components in the frame's order. */
  readonly components: readonly Component[];
  /** Whether coefficients are spread over several scans. */
  readonly progressive: boolean;
  /** Whether the file uses arithmetic coding, which is not supported. */
  readonly arithmetic: boolean;
  /** Colour transform of the Adobe marker (0 none, 1 YCbCr, 2 YCCK), or null without the marker. */
  readonly adobeTransform: number | null;
  /** Whether the JFIF marker says that the three components are YCbCr. */
  readonly jfif: boolean;
  /** Every scan in file order. Empty if only the header was read. */
  readonly scans: readonly Scan[];
}

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const DQT = 0xdb;
const DHT = 0xc4;
const DRI = 0xdd;
const APP0 = 0xe0;
const APP14 = 0xee;
const COM = 0xfe;
/**
 * Start-of-frame markers with the kinds of their frames. PIL also refuses the missing ones (lossless, hierarchical).
 */
const FRAMES: Readonly<Record<number, { progressive: boolean; arithmetic: boolean }>> = {
  0xc0: { progressive: false, arithmetic: false },
  0xc1: { progressive: false, arithmetic: false },
  0xc2: { progressive: true, arithmetic: false },
  0xc9: { progressive: false, arithmetic: true },
  0xca: { progressive: true, arithmetic: true },
};

const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7;
/** Markers without a meaning. libjpeg does not skip them outside of a scan. */
const isReserved = (marker: number) =>
  marker < 0xc0 || [0xd8, 0xde, 0xdf].includes(marker) || marker >= 0xf0 && marker !== COM;
const isUnsupportedFrame = (marker: number) =>
  marker >= 0xc3 && marker <= 0xcf && ![DHT, 0xc8, 0xcc].includes(marker) && !(marker in FRAMES);

/**
 * Parses a JPEG file. Throws DataError if a segment is invalid, or if the end marker is missing: decoders silently fill
 * a truncated image with grey, but PIL refuses it.
 */
export function parseJpeg(bytes: Uint8Array, name: string): JpegFile {
  const fail = (what: string): never => {
    throw new DataError(`${name}: broken JPEG: ${what}`);
  };

  const quantisation: (Uint16Array | undefined)[] = [];
  const dc: (HuffmanTable | undefined)[] = [];
  const ac: (HuffmanTable | undefined)[] = [];
  const scans: Scan[] = [];
  let frame: Pick<JpegFile, "width" | "height" | "components" | "progressive" | "arithmetic"> | null = null;
  let adobeTransform: number | null = null;
  let jfif = false;
  let restartInterval = 0;
  let isWhole = false;

  function readFrame(marker: number, body: Uint8Array): void {
    const count = body[5];
    if (body.length < 6 || body.length !== 6 + 3 * count) fail("wrong length of the frame header");
    if (body[0] !== 8) fail(`${body[0]} bits a sample; only 8 are supported`);
    const components = Array.from({ length: count }, (_, i) => {
      const [id, sampling, slot] = body.subarray(6 + 3 * i);
      return { id, h: sampling >> 4, v: sampling & 15, quantisation: slot };
    });
    if (components.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4)) fail("sampling factor outside 1..4");
    const height = (body[1] << 8) | body[2];
    const width = (body[3] << 8) | body[4];
    if (width === 0 || height === 0) fail(`size ${width}x${height}`);
    frame = { width, height, components, ...FRAMES[marker] };
  }

  function readQuantisation(body: Uint8Array): void {
    for (let at = 0; at < body.length;) {
      const slot = body[at] & 15;
      const wide = body[at] >> 4 > 0;
      const size = wide ? 128 : 64;
      if (slot > 3 || at + 1 + size > body.length) fail("wrong quantisation table");
      const values = body.subarray(at + 1, at + 1 + size);
      quantisation[slot] = Uint16Array.from(
        { length: 64 },
        (_, i) => wide ? (values[2 * i] << 8) | values[2 * i + 1] : values[i],
      );
      at += 1 + size;
    }
  }

  function readHuffman(body: Uint8Array): void {
    for (let at = 0; at < body.length;) {
      const slot = body[at] & 15;
      const counts = body.subarray(at + 1, at + 17);
      const total = counts.reduce((sum, n) => sum + n, 0);
      if (slot > 3 || counts.length < 16 || total > 256 || at + 17 + total > body.length) fail("wrong Huffman table");
      (body[at] >> 4 ? ac : dc)[slot] = new HuffmanTable(counts, body.slice(at + 17, at + 17 + total));
      at += 17 + total;
    }
  }

  function readScan(body: Uint8Array, data: Uint8Array): void {
    const count = body[0];
    if (!frame) return fail("a scan before the frame");
    if (isWhole) return fail("a scan after the whole image");
    if (body.length !== 4 + 2 * count || count < 1 || count > 4) fail("wrong length of a scan header");
    const components = Array.from({ length: count }, (_, i) => {
      const index = frame!.components.findIndex(({ id }) => id === body[1 + 2 * i]);
      if (index < 0) fail(`a scan of the unknown component ${body[1 + 2 * i]}`);
      const tables = body[2 + 2 * i];
      return { index, dc: dc[tables >> 4], ac: ac[tables & 15] };
    });
    const [spectralStart, spectralEnd, approximation] = body.subarray(1 + 2 * count);
    scans.push({
      components,
      quantisation: [...quantisation],
      spectralStart,
      spectralEnd,
      approximationHigh: approximation >> 4,
      approximationLow: approximation & 15,
      restartInterval,
      data,
    });
  }

  if (bytes[0] !== 0xff || bytes[1] !== SOI) fail("no start-of-image marker");
  let at = 2;
  for (;;) {
    // Bytes before the next marker are skipped, as in libjpeg. 0xff may be repeated as fill.
    while (at < bytes.length && bytes[at] !== 0xff) at++;
    while (at < bytes.length && bytes[at] === 0xff) at++;
    if (at >= bytes.length) break;
    const marker = bytes[at++];
    if (marker === EOI) {
      isWhole = true;
      break;
    }
    if (marker === 0 || marker === 1 || isRestart(marker)) continue;
    if (isReserved(marker)) fail(`the unknown marker ${marker.toString(16)}`);
    if (frame && (marker in FRAMES || isUnsupportedFrame(marker))) fail("two frames");
    const length = (bytes[at] << 8) | bytes[at + 1];
    if (at + 2 > bytes.length || at + length > bytes.length) break;
    if (length < 2) fail("a segment shorter than its length field");
    const body = bytes.subarray(at + 2, at + length);
    at += length;
    if (marker in FRAMES) readFrame(marker, body);
    else if (isUnsupportedFrame(marker)) fail("a lossless or hierarchical frame, which is not supported");
    else if (marker === DQT) readQuantisation(body);
    else if (marker === DHT) readHuffman(body);
    else if (marker === DRI) restartInterval = (body[0] << 8) | body[1];
    else if (marker === APP0 && startsWith(body, "JFIF\0")) jfif = true;
    else if (marker === APP14 && body.length >= 12 && startsWith(body, "Adobe")) adobeTransform = body[11];
    else if (marker === SOS) {
      const start = at;
      at = endOfScan(bytes, at, restartInterval > 0);
      readScan(body, bytes.subarray(start, at));
      // A sequential file is complete if its only scan ends at a marker. PIL then does not need the end-of-image
      // marker.
      isWhole = !frame!.progressive && body[0] === frame!.components.length && at < bytes.length - 1;
    }
  }
  if (!isWhole) fail("the file is truncated (no end-of-image marker)");
  if (!frame || scans.length === 0) return fail("no image in the file");
  return { ...(frame as JpegFile), adobeTransform, jfif, scans };
}

/**
 * Returns where the entropy-coded data that start at `at` end: at the next marker that is not a restart marker. If
 * restart markers are expected, markers below the lowest used one are skipped.
 */
function endOfScan(bytes: Uint8Array, at: number, hasRestarts: boolean): number {
  for (;;) {
    const start = bytes.indexOf(0xff, at);
    if (start < 0) return bytes.length;
    for (at = start; bytes[at] === 0xff;) at++;
    if (at >= bytes.length) return bytes.length;
    const marker = bytes[at];
    if (marker !== 0 && !isRestart(marker) && !(hasRestarts && marker < 0xc0)) return start;
  }
}

function startsWith(body: Uint8Array, text: string): boolean {
  return body.length >= text.length && [...text].every((char, i) => body[i] === char.charCodeAt(0));
}
