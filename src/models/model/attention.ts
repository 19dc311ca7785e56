/**
 * A look inside: the attentions of a network's ODConv layers as outputs of its graph, and the kernels they make.
 *
 * @module
 */

import { ShapeError } from "../../errors.ts";
import { type Graph, type OperandsOf, size } from "../../graph/graph.ts";
import { mixKernels } from "../../graph/ops/mix_kernels.ts";

/** Which of the four attentions: a_s, a_c, a_f, a_w of the paper. */
export type AttentionName = "spatial" | "channel" | "filter" | "kernel";

/** One ODConv layer of a graph. */
export interface DynamicLayer {
  /** Its path: "layer1.0.conv1". */
  readonly name: string;
  /** [n, Cout, Cin/groups, kh, kw]; the weight is called `${name}.weight`. */
  readonly weightShape: readonly number[];
  /**
   * The outputs that hold its attentions, by attention; a layer may lack some. Shapes: spatial [B, kh*kw], channel
   * [B, Cin], filter [B, Cout], kernel [B, n].
   */
  readonly outputs: { readonly [A in AttentionName]?: string };
}

const ATTENTIONS: readonly AttentionName[] = ["spatial", "channel", "filter", "kernel"];

/**
 * Makes every attention of the graph an output of it, called `${layer}.attention.${attention}`, and answers the layers in
 * their order. Call it on Model.trace(), before optimizeForInference or fuseMixing.
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
 * The kernel that a layer convolves one image with (equation 2 of the paper), [Cout, Cin/groups, kh, kw]: the sum of its n
 * kernels `weight` [n, Cout, Cin/groups, kh, kw], scaled by the attentions that are there. Throws ShapeError where a length
 * does not fit.
 */
export function effectiveKernel(
  weight: Float32Array,
  weightShape: readonly number[],
  attentions: { readonly [A in AttentionName]?: Float32Array },
): Float32Array<ArrayBuffer> {
  const [n, cout, cin, kh, kw] = weightShape;
  const taps = kh * kw;
  const { spatial, channel, filter, kernel } = attentions;
  // Output channels of different groups see different input channels.
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
