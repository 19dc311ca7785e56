/** Decodes images from files and the camera to RGB, and draws them. */

import { crop, decodeImage, type Preprocessing, type RgbImage } from "../mod.ts";

/** An image that the page holds. */
export interface Picture {
  /** The file's name, or "camera". */
  readonly name: string;
  /** Its pixels. */
  readonly image: RgbImage;
  /** Milliseconds that decoding took. */
  readonly decodeMilliseconds: number;
}

/**
 * Decodes a file with the module's own decoders, so that the pixels are the same as on the command line. The browser's
 * decoders would apply colour profiles and orientation tags. Throws DataError.
 */
export async function readPicture(file: Blob, name: string): Promise<Picture> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const start = performance.now();
  const image = await decodeImage(bytes, name);
  return { name, image, decodeMilliseconds: performance.now() - start };
}

/** Draws the network's view of an image: resized and cropped, one canvas pixel per pixel. */
export function drawSeen(canvas: HTMLCanvasElement, image: RgbImage, preprocessing: Preprocessing): void {
  const { width, height, data } = crop(image, preprocessing);
  Object.assign(canvas, { width, height });
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) pixels.data.set([data[3 * i], data[3 * i + 1], data[3 * i + 2], 255], 4 * i);
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
}

/** The camera, while it is on. */
export class Camera {
  readonly #canvas = document.createElement("canvas");

  private constructor(private readonly stream: MediaStream, private readonly video: HTMLVideoElement) {}

  /** Opens the camera. Rejects if there is none or if the user refuses. */
  static async open(): Promise<Camera> {
    if (!navigator.mediaDevices) throw new Error("the camera needs a page served over https (or from localhost)");
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    const video = document.createElement("video");
    Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
    await video.play();
    return new Camera(stream, video);
  }

  /** Returns the current picture, reduced to at most 640 pixels a side. */
  shoot(): Picture {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, 640 / Math.max(videoWidth, videoHeight));
    const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    Object.assign(this.#canvas, { width, height });
    const start = performance.now();
    const context = this.#canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(this.video, 0, 0, width, height);
    const rgba = context.getImageData(0, 0, width, height).data;
    const data = new Uint8Array(width * height * 3);
    for (let i = 0, j = 0; i < data.length; i += 3, j += 4) data.set(rgba.subarray(j, j + 3), i);
    return { name: "camera", image: { width, height, data }, decodeMilliseconds: performance.now() - start };
  }

  /** Turns the camera off. */
  close(): void {
    for (const track of this.stream.getTracks()) track.stop();
  }
}
