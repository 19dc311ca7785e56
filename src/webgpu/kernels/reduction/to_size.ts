/** Repeats a tensor along axes of one element, and computes sums and maxima over such axes. */

import type { AttributesOf, OperandsOf, Shape, Value } from "../../../graph/graph.ts";
import { size } from "../../../graph/graph.ts";
import { DeviceError } from "../../../errors.ts";
import type {
  expand as expandOperator,
  maxToSizeGrad as maxToSizeGradOperator,
  sumToSize as sumToSizeOperator,
} from "../../../graph/ops/broadcast.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";
import {
  elementOperand,
  emitElements,
  placeFunction,
  planElements,
  repeatedStrides,
  rowMajorStrides,
} from "../wgsl/elements.ts";
import { reduceChannels } from "./reductions.ts";

/** Elements that are summed separately as one run. Short chains of additions have small rounding errors. */
const RUN = 64;

/** Whole numbers up to this are exact in float32. */
const MOST_EXACT = 2 ** 24;

/** scale * x, repeated along axes of one element. */
export const expand: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { scale } = node.attributes as AttributesOf<typeof expandOperator>;
  const place = placeFunction("place", node.output.shape, repeatedStrides(x.shape));
  planElements(node, {
    label: "expand",
    operands: { x: elementOperand(x, context) },
    uniforms: place.uniforms,
    floats: { scale },
    declarations: place.declaration,
    value: "u.scale * x_at(place(i))",
  }, context);
};

/** For each element of a result: the place of its first element of x, and the offsets of its other elements. */
function groups(x: Shape, result: Shape) {
  const strides = rowMajorStrides(x);
  const first = placeFunction("first", result, strides);
  const other = placeFunction("other", x.map((extent, axis) => result[axis] === 1 ? extent : 1), strides);
  return {
    count: size(x) / size(result),
    uniforms: { ...first.uniforms, ...other.uniforms },
    declarations: `${first.declaration}\n${other.declaration}`,
  };
}

/** scale * the sums. Sums of channels or planes use the channel reduction. Other sums take one invocation each. */
export const sumToSize: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { scale } = node.attributes as AttributesOf<typeof sumToSizeOperator>;
  const { shape } = node.output;
  const [from, to] = [blocked(x.shape), blocked(shape)];
  if (x.shape.length > 1 && to.pixels === 1 && to.channels === from.channels) {
    return reduceChannels({
      label: "sum_to_size",
      shape: x.shape,
      sums: [{
        term: { texels: { x }, result: (n) => n.x },
        finish: (sum) => `${sum} * u.scale`,
        y: context.output(node),
      }],
      floats: { scale },
      perSample: to.batch === from.batch,
    }, context);
  }
  const { count, uniforms, declarations } = groups(x.shape, shape);
  planElements(node, {
    label: "sum_to_size",
    operands: { x: elementOperand(x, context) },
    uniforms: { ...uniforms, terms: count },
    floats: { scale },
    declarations: `${declarations}
fn total(i: u32) -> f32 {
  let start = first(i);
  var sum = 0.0;
  for (var begin = 0u; begin < u.terms; begin += ${RUN}u) {
    var run = 0.0;
    for (var k = begin; k < min(u.terms, begin + ${RUN}u); k++) { run += x_at(start + other(k)); }
    sum += run;
  }
  return sum;
}`,
    value: "u.scale * total(i)",
  }, context);
};

/** WGSL that tests for NaN by the number's bits. Shader compilers may assume that there are no NaNs. */
const IS_NONE = `fn is_none(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }`;

/** WGSL that returns the number of a group's first largest element. It uses the declarations of groups(). */
const WINNER = `${IS_NONE}
fn winner(i: u32) -> u32 {
  let start = first(i);
  var best = x_at(start);
  var at = 0u;
  for (var k = 1u; k < u.terms; k++) {
    let v = x_at(start + other(k));
    if (!is_none(best) && (v > best || is_none(v))) {
      best = v;
      at = k;
    }
  }
  return at;
}`;

/** The maxima. NaN counts as the largest. */
export const maxToSize: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { count, uniforms, declarations } = groups(x.shape, node.output.shape);
  planElements(node, {
    label: "max_to_size",
    operands: { x: elementOperand(x, context) },
    uniforms: { ...uniforms, terms: count },
    declarations: `${declarations}\n${WINNER}`,
    value: "x_at(first(i) + other(winner(i)))",
  }, context);
};

/** Finds each group's first largest element. Then every element tests whether it is that element. */
export const maxToSizeGrad: Kernel = (node, context) => {
  const { x, gradient } = node.operands as OperandsOf<typeof maxToSizeGradOperator>;
  const { count, uniforms, declarations } = groups(x.shape, gradient.shape);
  if (count > MOST_EXACT) {
    throw new DeviceError(`${node.name}: a maximum of ${count} numbers, WebGPU finds that of at most ${MOST_EXACT}`);
  }
  const winners = {
    shape: gradient.shape,
    resource: context.scratch(`${node.name} winners`, blocked(gradient.shape).texels),
  };
  emitElements(winners, {
    label: "max_to_size_winners",
    operands: { x: elementOperand(x, context) },
    uniforms: { ...uniforms, terms: count },
    declarations: `${declarations}\n${WINNER}`,
    value: "f32(winner(i))",
  }, context);
  const extents = x.shape.map((extent, axis) => gradient.shape[axis] === 1 ? extent : 1);
  const place = placeFunction("place", x.shape, repeatedStrides(gradient.shape));
  const number = placeFunction("number", x.shape, repeatedStrides(extents));
  planElements(node, {
    label: "max_to_size_grad",
    operands: { winners, gradient: elementOperand(gradient, context) },
    uniforms: { ...place.uniforms, ...number.uniforms },
    declarations: `${place.declaration}\n${number.declaration}`,
    value: "select(0.0, gradient_at(place(i)), winners_at(place(i)) == f32(number(i)))",
  }, context);
};
