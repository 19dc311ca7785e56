import type { Node } from "../../../graph/graph.ts";
import { size } from "../../../graph/graph.ts";
import { type dropoutMask, dropoutMaskValues } from "../../../graph/ops/dropout_mask.ts";
import type { Kernel } from "../tensors/kernel.ts";
import { toDevice } from "../layout/layout.ts";

/** Runs the operator's own definition. */
export const dropoutMaskKernel: Kernel<Node<typeof dropoutMask>> = {
  run({ seed, step }, { attributes }) {
    const [key] = seed!.dataSync(), [counter] = step!.dataSync();
    return toDevice(dropoutMaskValues(key, counter, attributes, size(attributes.shape)), attributes.shape);
  },
};
