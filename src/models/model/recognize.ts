/**
 * Which registered architecture a network is. Layers of a network may be replaced at any time, so that the configuration
 * it was made from may no longer be true.
 *
 * @module
 */

import { Convolution } from "../../nn/conv2d.ts";
import type { Module } from "../../nn/module.ts";
import { ODConv2d } from "../../nn/odconv2d.ts";
import { Dropout } from "../../nn/stateless.ts";
import { buildNetwork, completeConfig, CUSTOM, type ModelConfig, REGISTRY } from "../architectures/registry.ts";

/**
 * What the layers of a network compute, as text: two networks of the same classes and structure are interchangeable but for
 * their weights. Dropout is left out: training sets it, and inference ignores it.
 */
export function structureOf(network: Module): string {
  return [...network.namedModules()].map(([path, module]) => `${path} ${structureOfLayer(module)}`).join("\n");
}

function structureOfLayer(module: Module): string {
  if (module instanceof Dropout) return "";
  // Training may put dropout before a layer, in a module of its own: if there are parameters, they say what the layer is.
  if (!module.parameters.size) return module.constructor.name;
  const tensors = [...module.parameters].map(([name, { shape }]) => `${name} ${shape.join()}`);
  if (!(module instanceof Convolution)) return tensors.join("; ");
  const { stride, padding, dilation, groups } = module;
  return [...tensors, stride, padding, dilation, groups].join("; ");
}

/** The configuration of a network with so many classes; its architecture is "custom" if no registered one is built so. */
export function recognize(network: Module, numClasses: number): Required<ModelConfig> {
  const dynamic = [...network.namedModules()].map(([, module]) => module).find((module) => module instanceof ODConv2d);
  const { kernelNum = 1, reduction = 0.0625 } = dynamic ?? {};
  const structure = structureOf(network);
  for (const [arch, { layer }] of REGISTRY) {
    if ((layer.kind === "odconv") !== (dynamic !== undefined)) continue;
    const config = { arch, kernelNum, reduction, numClasses };
    const built = buildNetwork(config);
    if (built.constructor === network.constructor && structureOf(built) === structure) return completeConfig(config);
  }
  return completeConfig({ arch: CUSTOM, numClasses });
}
