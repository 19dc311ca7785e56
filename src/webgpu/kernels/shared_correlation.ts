/**
 * A weight's gradient and the products of its attentions' gradients are sums of the same correlation. Where both are
 * asked for, and forming it costs more than storing the products tile by tile, one kernel makes both.
 *
 * @module
 */

import type { Node, Operands } from "../../graph/graph.ts";
import type { conv2dAttentionProducts, conv2dWeightGrad } from "../../graph/ops/convolution_grad.ts";
import { blocked } from "../layout.ts";
import type { PlanContext } from "../plan.ts";
import { convolutionGeometry } from "./convolution_geometry.ts";
import { accumulators, correlationTile } from "./correlation.ts";

/** Vector multiplications that take as long as storing a texel and summing it again. */
const STORE_COST = 128;

/** Most texels of products, of all tiles. */
const MOST_STORED = 2 ** 21;

/** Storage buffers that every device binds. */
const MOST_BUFFERS = 8;

/** The node of that operator to plan together with `node`, if there is one and it pays. */
export function beside<O extends typeof conv2dWeightGrad | typeof conv2dAttentionProducts>(
  node: Node,
  name: O["name"],
  context: PlanContext,
): Node<O> | undefined {
  const own = node.operands as Operands;
  const found = context.nodes.find(({ op, operands, output, attributes }) => {
    const others = operands as Operands;
    return op.name === name && !context.isPlanned(output) &&
      Object.values(others).every((value) => !value || context.isPlanned(value)) &&
      ["x", "gradient", "channel"].every((operand) => others[operand] === own[operand]) &&
      ["stride", "padding", "dilation", "groups"].every((a) => `${attributes[a]}` === `${node.attributes[a]}`);
  });
  if (!found) return undefined;
  const [weightGrad, products] = name === "conv2d_weight_grad" ? [found, node] : [node, found];
  return pays(weightGrad, products as Node<typeof conv2dAttentionProducts>, context) ? found as Node<O> : undefined;
}

function pays(weightGrad: Node, products: Node<typeof conv2dAttentionProducts>, context: PlanContext): boolean {
  const { x, gradient, weight } = products.operands;
  if (weightGrad.output.shape.join() !== weight.shape.join()) return false;
  const [kernels, ...each] = weight.shape;
  const geometry = convolutionGeometry(x.shape, each, gradient.shape, products.attributes);
  const buffers = context.capabilities.operands === "buffer";
  const tile = correlationTile(geometry, buffers && kernels > 1);
  const sums = accumulators(geometry, tile, Math.min(4, x.shape[1]));
  const stored = kernels * geometry.kernel[1] * tile.outputs;
  const attentions = Object.values(weightGrad.operands as Operands).filter((value) => value).length - 2;
  return geometry.output.pixels * sums.length >= STORE_COST * stored &&
    geometry.groupInputs / tile.inputs * blocked(products.output.shape).texels <= MOST_STORED &&
    (buffers ? 3 : 0) + attentions + 2 <= MOST_BUFFERS;
}
