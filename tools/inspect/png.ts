/**
 * Encodes small pictures of a page as PNG data URLs.
 *
 * @module
 */

import { crc32 } from "../../src/crc32.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** PNG's colour type "truecolour with alpha". */
const RGBA = 6;

/** Encodes RGBA bytes, 4 per pixel, as "data:image/png;base64,...". */
export async function pngUrl(rgba: Uint8Array, width: number): Promise<string> {
  return `data:image/png;base64,${(await encodePng(rgba, width)).toBase64()}`;
}

/** Encodes RGBA bytes as a PNG file (ISO/IEC 15948): 8 bits a sample, no filter. */
export async function encodePng(rgba: Uint8Array, width: number): Promise<Uint8Array<ArrayBuffer>> {
  const height = rgba.length / 4 / width;
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, RGBA);
  const rows = new Uint8Array(height * (1 + 4 * width));
  for (let y = 0; y < height; y++) rows.set(rgba.subarray(y * 4 * width, (y + 1) * 4 * width), y * (1 + 4 * width) + 1);
  return Uint8Array.from([
    ...SIGNATURE,
    ...chunk("IHDR", new Uint8Array(header.buffer)),
    ...chunk("IDAT", await deflate(rows)),
    ...chunk("IEND", new Uint8Array()),
  ]);
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"))).bytes();
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
