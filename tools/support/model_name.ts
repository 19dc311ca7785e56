/**
 * Models by the names that people type: an architecture, with or without its number of kernels.
 *
 * @module
 */

import { REGISTRY } from "../../src/models/architectures/registry.ts";

/** What a name says: "od_resnet50", "od_resnet50_4x"; undefined where no architecture is called so. */
export function parseModelName(name: string): { arch: string; kernelNum?: number } | undefined {
  const [, arch, kernels] = /^(\w+?)(?:_(\d+)x)?$/.exec(name) ?? [];
  if (!arch || !REGISTRY.has(arch)) return undefined;
  return { arch, kernelNum: kernels === undefined ? undefined : Number(kernels) };
}

/** The architectures that their authors publish weights of. */
export function publishedNames(): string {
  return [...REGISTRY].filter(([, { published }]) => published.length).map(([name]) => name).join(", ");
}
