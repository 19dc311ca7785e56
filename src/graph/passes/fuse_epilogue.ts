/**
 * Moves the residual addition and the activation that follow a convolution or a linear layer into it. That is one pass over
 * memory instead of three.
 */

import { countUses, type Graph, type Node, type Operator, type Value } from "../graph.ts";
import { conv2d } from "../ops/conv2d.ts";
import { dynamicConv2d } from "../ops/dynamic_conv2d.ts";
import { add, relu, relu6, sigmoid } from "../ops/elementwise.ts";
import { linear } from "../ops/linear.ts";
import { rewrite } from "./rewrite.ts";

const CONVOLUTIONS: readonly unknown[] = [conv2d, dynamicConv2d];

/** Which activations become part of which producers. */
const ACTIVATIONS = new Map<unknown, readonly unknown[]>([
  [relu, [conv2d, dynamicConv2d, linear]],
  [relu6, [conv2d, dynamicConv2d, linear]],
  [sigmoid, [linear]],
]);

/** Fuses additions, then activations, if nothing else needs the producer's own result. */
export function fuseEpilogue(graph: Graph): Graph {
  return fuseActivations(fuseResiduals(graph));
}

function fuseActivations(graph: Graph): Graph {
  const uses = countUses(graph);
  return rewrite(graph, (node, to) => {
    const producers = ACTIVATIONS.get(node.op);
    const { x, temperature } = node.operands as { x: Value; temperature?: Value };
    const producer = producers && openEnded(x, uses, producers);
    if (!producer) return to.copy(node);
    const operands = to.operands(producer, temperature && { temperature });
    return to.graph.apply(producer.op, producer.name, operands, { ...producer.attributes, activation: node.op.name });
  });
}

function fuseResiduals(graph: Graph): Graph {
  const uses = countUses(graph);
  const order = new Map(graph.nodes.map((node, i) => [node.output, i]));
  // An addition is fused into the producer of its later operand: by then the other operand exists.
  const fused = new Map<Value, { add: Node; residual: Value }>();
  for (const node of graph.nodes) {
    if (node.op !== add) continue;
    const { a, b } = (node as Node<typeof add>).operands;
    const [later, earlier] = (order.get(a) ?? -1) > (order.get(b) ?? -1) ? [a, b] : [b, a];
    if (a.shape.join() !== b.shape.join()) continue; // a residual is not repeated
    const producer = openEnded(later, uses, CONVOLUTIONS);
    if (producer && !(producer as Node<typeof conv2d>).operands.residual) {
      fused.set(node.output, { add: node, residual: earlier });
    }
  }
  return rewrite(graph, (node, to) => {
    const plan = fused.get(node.output);
    if (!plan) return to.copy(node);
    const { a, b } = (node as Node<typeof add>).operands;
    const product = plan.residual === a ? b : a;
    const producer = (product.source as { node: Node }).node as Node<typeof conv2d>;
    const operands = to.operands(producer, { residual: plan.residual });
    return to.graph.apply(producer.op as Operator, producer.name, operands, producer.attributes);
  });
}

/** The node behind a value, if it is one of these operators, used once and not followed by an activation yet. */
function openEnded(value: Value, uses: Map<Value, number>, ops: readonly unknown[]): Node | undefined {
  if (value.source.kind !== "node" || uses.get(value) !== 1) return undefined;
  const node = value.source.node;
  const { activation } = node.attributes as { activation?: string };
  return ops.includes(node.op) && activation === "none" ? node : undefined;
}
