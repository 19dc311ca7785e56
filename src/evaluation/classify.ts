/**
 * Classifies images: from an image to the names of its classes.
 *
 * @module
 */

import { checkNumber, COUNT } from "../arguments.ts";
import { decodeImage, type RgbImage } from "../data/decoding/decode.ts";
import { preprocess } from "../data/pixels/preprocessing.ts";
import { stack } from "../data/pixels/stack.ts";
import type { ImageTensor } from "../image_tensor.ts";
import type { CompiledModel } from "../models/model/model.ts";
import { softmax, topK as largest } from "./accuracy.ts";
import { checkFinite } from "./evaluate.ts";

/** A class and its scores. */
export interface ClassScore {
  /** Index of the class. */
  readonly class: number;
  /** Name of the class. Left out if the model has no class names. */
  readonly name?: string;
  /** Probability of the class: softmax over all classes. */
  readonly probability: number;
  /** The network's output, float32. */
  readonly logit: number;
}

/** Options of classify. */
export interface ClassifyOptions {
  /** Number of classes to return. If there are fewer classes, all of them are returned. @default 5 */
  readonly topK?: number;
  /** The image's name in error messages. @default "the image", or the name of a File */
  readonly name?: string;
}

/** An image: decoded, or the bytes of a file, or a file that was dropped on a page. */
export type ImageSource = RgbImage | Uint8Array<ArrayBuffer> | Blob;

/**
 * Classifies an image: decodes it, prepares it with the model's inference settings, runs the network and names the
 * classes.
 *
 * @param network A compiled model, of any batch size. Compile it once and keep it: compilation takes longer than an
 * image.
 * @param image One image, or several. Several images are run in as few batches as possible.
 * @returns The most probable classes, most probable first. For several images, one list for each.
 * @throws {DataError} if an image cannot be decoded, or the network's output is not finite.
 * @throws {ArgumentError} if topK is not a whole number from 1.
 *
 * @example
 * ```ts
 * import { classify, loadModel, openDevice } from "@odconv/odconv";
 *
 * using model = await loadModel("weights/od_resnet20_cifar10.safetensors");
 * using device = await openDevice("cpu");
 * const network = await model.compile(device);
 * const [best] = await classify(network, await Deno.readFile("tests/fixtures/images/photo.png"), { topK: 1 });
 * console.log(best.name, best.probability);
 * ```
 */
export function classify(network: CompiledModel, image: ImageSource, options?: ClassifyOptions): Promise<ClassScore[]>;
/** Classifies several images. */
export function classify(
  network: CompiledModel,
  images: readonly ImageSource[],
  options?: ClassifyOptions,
): Promise<ClassScore[][]>;
export async function classify(
  network: CompiledModel,
  image: ImageSource | readonly ImageSource[],
  { topK = 5, name = "the image" }: ClassifyOptions = {},
): Promise<ClassScore[] | ClassScore[][]> {
  checkNumber("topK", topK, COUNT);
  if (!isList(image)) return (await scores(network, [image], topK, () => name))[0];
  return await scores(network, image, topK, (index) => `${name} ${index}`);
}

function isList(image: ImageSource | readonly ImageSource[]): image is readonly ImageSource[] {
  return Array.isArray(image);
}

async function scores(
  network: CompiledModel,
  images: readonly ImageSource[],
  count: number,
  nameOf: (index: number) => string,
): Promise<ClassScore[][]> {
  const { model: { preprocessing, classNames }, inputShape: [batch] } = network;
  const named = images.map((image, index) => ({ image, name: image instanceof File ? image.name : nameOf(index) }));
  const answers: ClassScore[][] = [];
  for (let start = 0; start < images.length; start += batch) {
    const part = named.slice(start, start + batch);
    const inputs: ImageTensor[] = [];
    for (const { image, name } of part) inputs.push(preprocess(await decoded(image, name), preprocessing));
    const logits = await network.run(stack(inputs));
    const classes = logits.length / part.length;
    part.forEach(({ name }, i) => {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      checkFinite(name, row);
      const probabilities = softmax(row);
      answers.push(
        largest(row, count).map(({ class: index, logit }) => ({
          class: index,
          ...(classNames && { name: classNames[index] }),
          probability: probabilities[index],
          logit,
        })),
      );
    });
  }
  return answers;
}

async function decoded(image: ImageSource, name: string): Promise<RgbImage> {
  if (image instanceof Blob) return await decodeImage(new Uint8Array(await image.arrayBuffer()), name);
  return image instanceof Uint8Array ? await decodeImage(image, name) : image;
}
