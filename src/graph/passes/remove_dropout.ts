import type { Graph, Value } from "../graph.ts";
import { dropout } from "../ops/elementwise.ts";
import { rewrite } from "./rewrite.ts";

/** Inference only: dropout is the identity. */
export function removeDropout(graph: Graph): Graph {
  return rewrite(graph, (node, to) => node.op === dropout ? to.of((node.operands as { x: Value }).x) : to.copy(node));
}
