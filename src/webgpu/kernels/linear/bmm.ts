import type { OperandsOf } from "../../../graph/graph.ts";
import type { bmm as bmmOperator } from "../../../graph/ops/bmm.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";

/** Products that are summed separately as one run. Short chains of additions have small rounding errors. */
const RUN = 64;

/**
 * The product of two matrices for every sample. An invocation computes four rows of a column, which is one stored
 * texel.
 */
export const bmm: Kernel = (node, context) => {
  const { a, b } = node.operands as OperandsOf<typeof bmmOperator>;
  const [, rows, terms] = a.shape;
  const columns = b.shape[2];
  context.emit(dispatch({
    label: "bmm",
    reads: { a: context.read(a), b: context.read(b) },
    writes: { y: context.output(node) },
    uniforms: { columns, terms, row_blocks: blocked(a.shape).blocks, term_blocks: blocked(b.shape).blocks, rows },
    invocations: blocked(node.output.shape).texels,
    body: `
  let column = id % u.columns;
  let block = id / u.columns % u.row_blocks;
  let sample = id / (u.columns * u.row_blocks);
  let from_a = (sample * u.row_blocks + block) * u.terms;
  let from_b = sample * u.term_blocks * u.columns + column;
  var sum = vec4f();
  for (var first = 0u; first < u.terms; first += ${RUN}u) {
    var run = vec4f();
    for (var k = first; k < min(u.terms, first + ${RUN}u); k++) {
      run += a(from_a + k) * b(from_b + k / 4u * u.columns)[k % 4u];
    }
    sum += run;
  }
  y[id] = select(vec4f(), sum, vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.rows));`,
  }));
};
