/**
 * Inference only: a batch norm over running statistics is a scale and a shift by channel. After a convolution or a
 * linear layer the scale goes into the weight and the shift becomes the bias; elsewhere batch_norm stays.
 *
 * For dynamic_conv2d this is exact too: the filter attention multiplies output channels, as the scale does, so
 * scale * (a_f * conv(W)) = a_f * conv(scale * W). A bias of the layer itself is scaled along.
 */

import { countUses, type Graph, type Node, type Operator, size, type Value } from "../graph.ts";
import { batchNorm } from "../ops/batch_norm.ts";
import { conv2d } from "../ops/conv2d.ts";
import { dynamicConv2d } from "../ops/dynamic_conv2d.ts";
import { linear } from "../ops/linear.ts";
import { type Rewrite, rewrite } from "./rewrite.ts";

/** The operators that take a scale into their weight. */
const PRODUCERS: readonly unknown[] = [conv2d, linear, dynamicConv2d];

/** Folds every batch norm whose input comes from a convolution or linear layer that nothing else uses. */
export function foldBatchNorm(graph: Graph): Graph {
  const uses = countUses(graph);
  return rewrite(graph, (node, to) => {
    if (node.op !== batchNorm) return to.copy(node);
    const { x } = (node as Node<typeof batchNorm>).operands;
    const producer = x.source.kind === "node" ? x.source.node : undefined;
    if (!producer || uses.get(x) !== 1 || !canTakeScale(producer)) return to.copy(node);
    return fold(node as Node<typeof batchNorm>, producer as Node<typeof conv2d>, to);
  });
}

function canTakeScale(node: Node): boolean {
  if (!PRODUCERS.includes(node.op)) return false;
  const { operands, attributes } = node as Node<typeof conv2d>;
  return attributes.activation === "none" && !operands.residual && isParameter(operands.weight) &&
    (!operands.bias || isParameter(operands.bias) && operands.bias.shape.length === 1);
}

function isParameter(value: Value): boolean {
  return value.source.kind === "parameter";
}

function fold(norm: Node<typeof batchNorm>, producer: Node<typeof conv2d>, to: Rewrite): Value {
  const { weight: gamma, bias: beta, runningMean, runningVar } = norm.operands;
  const { weight, bias } = producer.operands;
  const channels = gamma.shape[0];
  // Output channels are the first axis, or the second of several kernels.
  const axis = weight.shape.length === 5 ? 1 : 0;
  const scales = async () => {
    const [g, v] = await Promise.all([gamma, runningVar].map(load));
    // In float64: the fold then costs one rounding of the weight, no more.
    return Float64Array.from(g, (value, c) => value / Math.sqrt(v[c] + norm.attributes.eps));
  };
  const folded = to.graph.parameter(`${weight.name}+${norm.name}`, weight.shape, async () => {
    const scale = await scales();
    const w = await load(weight);
    const scaled = new Float32Array(w.length);
    const inner = size(weight.shape.slice(axis + 1));
    for (let row = 0, i = 0; i < w.length; row++) {
      const factor = scale[row % channels];
      for (const end = i + inner; i < end; i++) scaled[i] = w[i] * factor;
    }
    return scaled;
  });
  const shift = to.graph.parameter(`${norm.name}.shift`, [channels], async () => {
    const scale = await scales();
    const [b, mean] = await Promise.all([beta, runningMean].map(load));
    const own = bias ? await load(bias) : undefined;
    return Float32Array.from(b, (value, c) => value + ((own?.[c] ?? 0) - mean[c]) * scale[c]);
  });
  const operands = to.operands(producer, { weight: folded, bias: shift });
  return to.graph.apply(producer.op as Operator, producer.name, operands, producer.attributes);
}

function load(value: Value): Promise<Float32Array<ArrayBuffer>> {
  if (value.source.kind !== "parameter") throw new Error(`${value.name} is not a parameter`);
  return value.source.load();
}
