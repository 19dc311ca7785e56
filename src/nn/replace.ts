import { Conv2d } from "./conv2d.ts";
import type { Module } from "./module.ts";
import { ODConv2d } from "./odconv2d.ts";

/** How replaceConv2d makes the new layers, and which ones. */
export interface ReplaceOptions {
  /** n of every new layer; 1 if left out. */
  readonly kernelNum?: number;
  /** Of every new layer; 1/16 if left out. */
  readonly reduction?: number;
  /** Which layers to replace, by path ("layer1.0.conv1") and layer; all if left out. */
  readonly where?: (path: string, conv: Conv2d) => boolean;
}

/**
 * Replaces the Conv2d layers of a tree by ODConv2d of the same arguments and returns the tree. The tree itself is
 * changed, as replacing modules does in PyTorch. If a Conv2d is given alone, an ODConv2d is returned. New layers start from
 * initial weights, because attentions scale the input of a kernel, so old weights would not mean the same.
 *
 * For a Model, pass its `network`. `model.config` then says which registered architecture the network has become, such as
 * od_resnet50, or "custom" if it is none. saveModel saves both; a custom network is loaded with
 * `loadModel(file, { build: () => network })`.
 *
 * @example
 * ```ts
 * import { createModel, replaceConv2d } from "@odconv/odconv";
 *
 * const model = createModel({ arch: "resnet20" });
 * replaceConv2d(model.network, { kernelNum: 4, where: (path) => path !== "conv1" });
 * console.log(model.config.arch, model.config.kernelNum); // od_resnet20 4
 * ```
 */
export function replaceConv2d<M extends Module>(model: M, options: ReplaceOptions = {}): M | ODConv2d {
  const { kernelNum, reduction, where = () => true } = options;
  const dynamic = (conv: Conv2d) =>
    new ODConv2d(conv.inChannels, conv.outChannels, conv.kernelSize, { ...conv, kernelNum, reduction });
  if (model instanceof Conv2d) return where("", model) ? dynamic(model) : model;
  for (const [path, module] of [...model.namedModules()]) {
    for (const [name, child] of module.children) {
      if (!(child instanceof Conv2d)) continue;
      const childPath = path ? `${path}.${name}` : name;
      if (where(childPath, child)) module.children.set(name, dynamic(child));
    }
  }
  return model;
}
