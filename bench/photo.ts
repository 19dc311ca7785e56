/** A synthetic photograph to decode, as large and as detailed as one from a camera. */

// deno-lint-ignore no-import-prefix -- only the bench writes JPEG
import encode, { init } from "npm:@jsquash/jpeg@1.6.0/encode.js";
import { noise } from "./networks.ts";

/** ImageNet's usual size, and the quality that gives its usual 110 KB. */
const WIDTH = 500;
const HEIGHT = 375;
const QUALITY = 90;

/** Edge of a patch of one colour, before the grain is added. */
const PATCH = 16;
const GRAIN = 24;

/** Returns the photograph as a JPEG file. */
export async function photo(): Promise<Uint8Array<ArrayBuffer>> {
  const resolved = import.meta.resolve("npm:@jsquash/jpeg@1.6.0/codec/enc/mozjpeg_enc.wasm");
  await init(await WebAssembly.compile(await Deno.readFile(new URL(resolved))));
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
  const colors = noise(WIDTH * HEIGHT);
  const grain = noise(data.length);
  for (let i = 0; i < data.length; i++) {
    const [channel, pixel] = [i % 4, i >> 2];
    const patch = Math.floor(pixel % WIDTH / PATCH) + Math.floor(pixel / WIDTH / PATCH) * WIDTH;
    data[i] = channel === 3 ? 255 : 128 + 90 * colors[(patch * 3 + channel) % colors.length] + GRAIN * grain[i];
  }
  const image = { data, width: WIDTH, height: HEIGHT, colorSpace: "srgb" } as ImageData;
  return new Uint8Array(await encode(image, { quality: QUALITY }));
}
