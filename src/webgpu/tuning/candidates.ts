/**
 * Lists the nodes with several variants. Nodes of the same operator, shapes and attributes share one measurement.
 *
 * @module
 */

import { Graph, type Node, type Operands, size, type Value } from "../../graph/graph.ts";
import { variantsOf } from "../kernels/convolution/choice/variants.ts";
import type { Capabilities, Plan, Step } from "../plan/plan.ts";
import type { Variant } from "../plan/variant.ts";
import { planGraph } from "../planner/planner.ts";

/** A single node with its variants. */
export interface Candidate {
  /** A key that is equal for nodes that share a measurement. */
  readonly shape: string;
  /** The variants, best guess first. There are at least two. */
  readonly variants: readonly Variant[];
  /** For each variant, a plan of the node alone. */
  readonly plans: readonly Plan[];
  /** SHA-256 of the variants' names and WGSL, hexadecimal. */
  readonly source: string;
}

/** Returns a key of the operator, its attributes and its operands' shapes. */
export function shapeOf({ op, operands, attributes }: Node): string {
  const shapes = Object.entries(operands as Operands).flatMap(([name, value]) =>
    value ? [`${name}${value.source.kind === "parameter" ? "!" : ""}[${value.shape.join()}]`] : []
  );
  const settings = Object.entries(attributes).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [op.name, ...shapes.sort(), ...settings.sort()].join(" ");
}

/** Returns the steps that compute the candidate's node. The plan's other steps provide operands. */
export function stepsOf({ steps }: Plan): Step[] {
  return steps.filter(({ of }) => of !== undefined);
}

/** Returns the candidate of a node. Returns undefined if the node has only one variant. */
export async function candidateOf(node: Node, capabilities: Capabilities): Promise<Candidate | undefined> {
  const variants = variantsOf(node, capabilities);
  if (variants.length < 2) return undefined;
  const graph = alone(node);
  const plans = variants.map((variant) => planGraph(graph, capabilities, () => variant));
  const text = plans.map((
    plan,
    i,
  ) => [variants[i].name, ...stepsOf(plan).map((step) => step.kind === "copy" ? "copy" : step.dispatch.shader.source)]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(text)));
  const source = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { shape: shapeOf(node), variants, plans, source };
}

/** Builds a graph of only this node. Parameters stay parameters, because they are laid out at upload. */
function alone({ name, op, operands, attributes }: Node): Graph {
  const graph = new Graph();
  const given: Record<string, Value> = {};
  for (const [operand, value] of Object.entries(operands as Operands)) {
    if (!value) continue;
    given[operand] = value.source.kind === "parameter"
      ? graph.parameter(operand, value.shape, () => Promise.resolve(new Float32Array(size(value.shape))))
      : graph.input(operand, value.shape);
  }
  graph.apply(op, name, given, attributes);
  return graph;
}
