/**
 * Finds the registered architecture of a network. Layers may be replaced at any time, so the configuration that the
 * network was built from may no longer hold.
 *
 * @module
 */

import { Convolution } from "../../nn/conv2d.ts";
import type { Module } from "../../nn/module.ts";
import { ODConv2d } from "../../nn/odconv2d.ts";
import { Dropout } from "../../nn/stateless.ts";
import { buildNetwork, completeConfig, CUSTOM, type ModelConfig, REGISTRY } from "../architectures/registry.ts";

/**
 * Describes as text what the layers of a network compute. Two networks with the same number of classes and the same
 * text differ only in their weights. Dropout is left out: training sets it, and inference ignores it.
 */
export function structureOf(network: Module): string {
  return [...network.namedModules()].map(([path, module]) => `${path} ${structureOfLayer(module)}`).join("\n");
}

function structureOfLayer(module: Module): string {
  if (module instanceof Dropout) return "";
  // Training may put a dropout before a layer, in a module of its own. If a module has parameters, they tell what the
  // layer is.
  if (!module.parameters.size) return module.constructor.name;
  const tensors = [...module.parameters].map(([name, { shape }]) => `${name} ${shape.join()}`);
  if (!(module instanceof Convolution)) return tensors.join("; ");
  const { stride, padding, dilation, groups } = module;
  return [...tensors, stride, padding, dilation, groups].join("; ");
}

/**
 * Returns the configuration of a network with this number of classes. The architecture is "custom" if no registered one
 * matches.
 */
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
