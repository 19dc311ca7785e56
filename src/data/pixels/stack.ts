import { ShapeError } from "../../errors.ts";
import { type ImageTensor, imageTensor, shapeOf, showShape } from "../../image_tensor.ts";

/**
 * torch.stack: copies B images [3, H, W], as `preprocess` returns them, into one batch [B, 3, H, W].
 *
 * @throws {ShapeError} if there is no image, an array has no shape, or an image has another shape than the first.
 */
export function stack(images: readonly ImageTensor[]): ImageTensor {
  if (!images.length) throw new ShapeError("there are no images to stack");
  const shapes = images.map((image, i) => {
    const shape = shapeOf(image);
    if (shape) return shape;
    throw new ShapeError(`image ${i} carries no shape: stack takes what preprocess, normalize and imageTensor return`);
  });
  const other = shapes.findIndex((shape) => shape.join() !== shapes[0].join());
  if (other >= 0) {
    throw new ShapeError(`image ${other} is ${showShape(shapes[other])}, image 0 is ${showShape(shapes[0])}`);
  }
  const { length } = images[0];
  const batch = new Float32Array(images.length * length);
  images.forEach((image, i) => batch.set(image, i * length));
  return imageTensor(batch, [images.length, ...shapes[0]]);
}
