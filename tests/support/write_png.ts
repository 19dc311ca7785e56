/** A minimal PNG encoder for tests: 8-bit RGB, no filter. */

import { crc32, deflateSync } from "node:zlib";
import type { RgbImage } from "../../src/data/pixels/image.ts";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** Returns the image as a PNG file. */
export function encodePng({ width, height, data }: RgbImage): Uint8Array<ArrayBuffer> {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, 2);
  const rows = new Uint8Array(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * 3 * width, (y + 1) * 3 * width), y * (1 + 3 * width) + 1);
  return Uint8Array.from([
    ...SIGNATURE,
    ...chunk("IHDR", new Uint8Array(header.buffer)),
    ...chunk("IDAT", deflateSync(rows)),
    ...chunk("IEND", new Uint8Array()),
  ]);
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
