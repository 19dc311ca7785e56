/**
 * Parses the names of models that users type: an architecture, with or without its number of kernels.
 *
 * @module
 */

import { REGISTRY } from "../../src/models/architectures/registry.ts";

/** Parses a name such as "od_resnet50" or "od_resnet50_4x". Returns undefined if no architecture has this name. */
export function parseModelName(name: string): { arch: string; kernelNum?: number } | undefined {
  const [, arch, kernels] = /^(\w+?)(?:_(\d+)x)?$/.exec(name) ?? [];
  if (!arch || !REGISTRY.has(arch)) return undefined;
  return { arch, kernelNum: kernels === undefined ? undefined : Number(kernels) };
}

/** Returns the architectures that their authors publish weights of. */
export function publishedNames(): string {
  return [...REGISTRY].filter(([, { published }]) => published.length).map(([name]) => name).join(", ");
}
