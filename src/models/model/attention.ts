/**
 * Adds the attentions of a network's ODConv layers to the outputs of its graph, and computes the kernels that they
 * make.
 *
 * @module
 */

import { ShapeError } from "../../errors.ts";
import { type Graph, type OperandsOf, size } from "../../graph/graph.ts";
import { mixKernels } from "../../graph/ops/mix_kernels.ts";

/** The four attentions: a_s, a_c, a_f and a_w in the paper. */
export type AttentionName = "spatial" | "channel" | "filter" | "kernel";

/** An ODConv layer of a graph. */
export interface DynamicLayer {
  /** Path of the layer, such as "layer1.0.conv1". */
  readonly name: string;
  /** Shape of the weight, [n, Cout, Cin/groups, kh, kw]. The weight's name is `${name}.weight`. */
  readonly weightShape: readonly number[];
  /**
   * Names of the outputs that hold the layer's attentions. A layer may lack some attentions. Shapes: spatial
   * [B, kh*kw], channel [B, Cin], filter [B, Cout], kernel [B, n].
   */
  readonly outputs: { readonly [A in AttentionName]?: string };
}

const ATTENTIONS: readonly AttentionName[] = ["spatial", "channel", "filter", "kernel"];

/**
 * Makes every attention an output of the graph, with the name `${layer}.attention.${attention}`. Call it on the result
 * of Model.trace(), before optimizeForInference or fuseMixing.
 *
 * @returns The ODConv layers, in the graph's order.
 */
export function attentionOutputs(graph: Graph): DynamicLayer[] {
  return graph.nodes.filter(({ op }) => op === mixKernels).map((node) => {
    const operands = node.operands as OperandsOf<typeof mixKernels>;
    const outputs: { [A in AttentionName]?: string } = {};
    for (const attention of ATTENTIONS) {
      const value = operands[attention];
      if (!value) continue;
      outputs[attention] = `${node.name}.attention.${attention}`;
      graph.output(outputs[attention], value);
    }
    return { name: node.name, weightShape: operands.weight.shape, outputs };
  });
}

/**
 * Returns the kernel that a layer applies to one image (equation 2 of the paper), [Cout, Cin/groups, kh, kw]. It is the
 * sum of the n kernels in `weight` [n, Cout, Cin/groups, kh, kw], scaled by the given attentions.
 *
 * @throws {ShapeError} if a length does not fit.
 */
export function effectiveKernel(
  weight: Float32Array,
  weightShape: readonly number[],
  attentions: { readonly [A in AttentionName]?: Float32Array },
): Float32Array<ArrayBuffer> {
  const [n, cout, cin, kh, kw] = weightShape;
  const taps = kh * kw;
  const { spatial, channel, filter, kernel } = attentions;
  // Output channels of different groups read different input channels.
  const groups = Math.max(1, Math.trunc((channel?.length ?? cin) / cin));
  const lengths = { spatial: taps, channel: cin * groups, filter: cout, kernel: n };
  for (const attention of ATTENTIONS) {
    const found = attentions[attention]?.length ?? lengths[attention];
    if (found !== lengths[attention]) {
      throw new ShapeError(`the ${attention} attention has ${found} numbers, expected ${lengths[attention]}`);
    }
  }
  if (weight.length !== size(weightShape)) {
    throw new ShapeError(`the weight has ${weight.length} numbers, expected [${weightShape.join(", ")}]`);
  }
  const each = cout * cin * taps;
  return Float32Array.from({ length: each }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (kernel?.[i] ?? 1) * weight[i * each + at];
    const o = Math.floor(at / taps / cin);
    const c = Math.floor(o * groups / cout) * cin + Math.floor(at / taps) % cin;
    return sum * (filter?.[o] ?? 1) * (channel?.[c] ?? 1) * (spatial?.[at % taps] ?? 1);
  });
}
