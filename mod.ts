/**
 * ODConv networks outside Python: load a PyTorch checkpoint, run it on WebGPU or the CPU, with PyTorch's numbers.
 *
 * ```ts
 * import { decodeImage, loadModel, openDevice, preprocess } from "./mod.ts";
 *
 * const model = await loadModel("weights/od_resnet20_cifar10.safetensors");
 * const network = await model.compile(await openDevice());
 * const image = await decodeImage(await Deno.readFile("cat.jpg"), "cat.jpg");
 * const logits = await network.run(preprocess(image, model.preprocessing));
 * ```
 *
 * @module
 */

export { CheckpointError, DataError, DeviceError, isOdconvError, type OdconvError, ShapeError } from "./src/errors.ts";
