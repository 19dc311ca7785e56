/** Operators that move elements to other places. */

import type { AttributesOf, Node, OperandsOf, Value } from "../../../graph/graph.ts";
import type {
  concat as concatOperator,
  narrow as narrowOperator,
  padAxis as padAxisOperator,
  permute as permuteOperator,
} from "../../../graph/ops/layout.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import { elementOperand, placeFunction, planElements, rowMajorStrides } from "../wgsl/elements.ts";

/**
 * The same elements in row-major order. No work is needed if the numbers of samples, channels and pixels do not change.
 * Constants are copied, because they may be in a texture and other layouts are made from buffers.
 */
export const reshape: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const [from, to] = [blocked(x.shape), blocked(node.output.shape)];
  const isSame = from.batch === to.batch && from.channels === to.channels;
  if (isSame && !context.isConstant(x)) return context.alias(node, x);
  planElements(node, { label: "reshape", operands: { x: elementOperand(x, context) }, value: "x_at(i)" }, context);
};

/** Permutes the axes. */
export const permute: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { dims } = node.attributes as AttributesOf<typeof permuteOperator>;
  const strides = rowMajorStrides(x.shape);
  const place = placeFunction("place", node.output.shape, dims.map((axis) => strides[axis]));
  planElements(node, {
    label: "permute",
    operands: { x: elementOperand(x, context) },
    uniforms: place.uniforms,
    declarations: place.declaration,
    value: "x_at(place(i))",
  }, context);
};

/** Takes a range of an axis. */
export const narrow: Kernel = (node, context) => {
  const { dim, start } = node.attributes as AttributesOf<typeof narrowOperator>;
  shift(node, dim, -start, context);
};

/** Adds zeros before and after the elements of an axis. */
export const padAxis: Kernel = (node, context) => {
  const { dim, before } = node.attributes as AttributesOf<typeof padAxisOperator>;
  shift(node, dim, before, context);
};

/** Element k of an axis of x becomes element k + before. Other elements of the result are zero. */
function shift(node: Node, dim: number, before: number, context: PlanContext): void {
  const { x } = node.operands as { x: Value };
  planElements(node, {
    label: node.op.name,
    operands: { x: elementOperand(x, context) },
    // Numbers wrap modulo 2^32, so a negative shift works too.
    uniforms: { ...axisOf(node.output, dim), x_extent: x.shape[dim], before: before >>> 0 },
    declarations: `fn shifted(i: u32) -> f32 {
  let along = i / u.inner % u.extent - u.before;
  // Places before the first wrap round to huge numbers.
  if (along >= u.x_extent) { return 0.0; }
  return x_at((i / (u.inner * u.extent) * u.x_extent + along) * u.inner + i % u.inner);
}`,
    value: "shifted(i)",
  }, context);
}

/** The extent of an axis and its row-major stride. */
function axisOf({ shape }: Value, dim: number): { extent: number; inner: number } {
  return { extent: shape[dim], inner: rowMajorStrides(shape)[dim] };
}

/** Concatenates tensors along an axis. */
export const concat: Kernel = (node, context) => {
  const { dim } = node.attributes as AttributesOf<typeof concatOperator>;
  const values = Object.values(node.operands as OperandsOf<typeof concatOperator>);
  const names = values.map((_, k) => `x${k}`);
  planElements(node, {
    label: "concat",
    operands: Object.fromEntries(values.map((value, k) => [names[k], elementOperand(value, context)])),
    uniforms: {
      ...axisOf(node.output, dim),
      ...Object.fromEntries(values.map((value, k) => [`${names[k]}_extent`, value.shape[dim]])),
    },
    declarations: `fn joined(i: u32) -> f32 {
  var along = i / u.inner % u.extent;
  let outer = i / (u.inner * u.extent);
${
      names.map((x) =>
        `  if (along < u.${x}_extent) { return ${x}_at((outer * u.${x}_extent + along) * u.inner + i % u.inner); }
  along -= u.${x}_extent;`
      ).join("\n")
    }
  return 0.0;
}`,
    value: "joined(i)",
  }, context);
};
