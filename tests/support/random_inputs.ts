/** Writes a model and images of random numbers to files. */

import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import { randomStateDict, uniform } from "./random_weights.ts";
import { encodePng } from "./write_png.ts";

/** Writes a small dynamic network with this number of classes. Default: as many as CIFAR-10. */
export async function writeRandomModel(
  path: string,
  numClasses?: number,
  classNames?: readonly string[],
): Promise<void> {
  const model = createModel({ arch: "od_resnet20", kernelNum: 2, numClasses }).withInference({ classNames });
  const metadata = encodeMetadata(model.config, { source: "random", sha256: "0".repeat(64) }, model.inference);
  await writeSafetensors(path, randomStateDict(model.stateDictSpec()), metadata);
}

/** Returns a PNG file of 32x32 pixels, different for each number. */
export function randomPng(i: number): Uint8Array<ArrayBuffer> {
  const data = Uint8Array.from(uniform(`image ${i}`, [32 * 32 * 3], 127, 128));
  return encodePng({ width: 32, height: 32, data });
}
