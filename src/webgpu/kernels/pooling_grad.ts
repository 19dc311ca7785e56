import type { Node, OperandsOf, Value } from "../../graph/graph.ts";
import type { PoolAttributes } from "../../graph/ops/pooling.ts";
import type { globalAvgPoolGrad as globalAvgPoolGradOperator } from "../../graph/ops/pooling_grad.ts";
import { dispatch, type Resource } from "../kernel.ts";
import { blocked } from "../layout.ts";
import type { Kernel, PlanContext } from "../planner.ts";
import { planFormula } from "./formula.ts";

/** What the kernels of one pooling need to know of it. */
function poolingUniforms(x: Value["shape"], pooled: Value["shape"], attributes: PoolAttributes) {
  const { kernelSize, stride, padding } = attributes;
  const [input, output] = [blocked(x), blocked(pooled)];
  return {
    height: input.height,
    width: input.width,
    out_height: output.height,
    out_width: output.width,
    kernel_y: kernelSize[0],
    kernel_x: kernelSize[1],
    stride_y: stride[0],
    stride_x: stride[1],
    padding_y: padding[0],
    padding_x: padding[1],
  };
}

/**
 * Adds up, for every pixel of x, what each window over it gives: `share` is WGSL over the window's texel `at` of the
 * pooled tensors and the pixel's number `tap` within the window.
 */
function overWindows(
  node: Node,
  gradient: Value,
  reads: Readonly<Record<string, Resource>>,
  context: PlanContext,
  share: string,
): void {
  context.emit(dispatch({
    label: node.op.name,
    reads,
    writes: { dx: context.output(node) },
    uniforms: poolingUniforms(node.output.shape, gradient.shape, node.attributes as PoolAttributes),
    invocations: blocked(node.output.shape).texels,
    body: `
  let plane = id / (u.width * u.height);
  let row = (id / u.width) % u.height + u.padding_y;
  let column = id % u.width + u.padding_x;
  // The first window that reaches so far, and the one after the last that begins in time.
  let first_row = (max(row + 1u, u.kernel_y) - u.kernel_y + u.stride_y - 1u) / u.stride_y;
  let first_column = (max(column + 1u, u.kernel_x) - u.kernel_x + u.stride_x - 1u) / u.stride_x;
  let end_row = min(u.out_height, row / u.stride_y + 1u);
  let end_column = min(u.out_width, column / u.stride_x + 1u);
  var sum = vec4f();
  for (var r = first_row; r < end_row; r++) {
    for (var c = first_column; c < end_column; c++) {
      let at = (plane * u.out_height + r) * u.out_width + c;
      let tap = (row - r * u.stride_y) * u.kernel_x + column - c * u.stride_x;
      sum += ${share};
    }
  }
  dx[id] = sum;`,
  }));
}

/** Finds where in each window its first largest element is; then every pixel collects from the windows that it won. */
export const maxPool2dGrad: Kernel = (node, context) => {
  const { x, gradient } = node.operands as { x: Value; gradient: Value };
  const winners = context.scratch(`${node.name} winners`, blocked(gradient.shape).texels);
  context.emit(dispatch({
    label: "max_pool2d_winners",
    reads: { x: context.operand(x) },
    writes: { winners },
    uniforms: poolingUniforms(x.shape, gradient.shape, node.attributes as PoolAttributes),
    invocations: winners.texels,
    body: `
  let plane = id / (u.out_width * u.out_height);
  let top = i32((id / u.out_width) % u.out_height * u.stride_y) - i32(u.padding_y);
  let left = i32(id % u.out_width * u.stride_x) - i32(u.padding_x);
  var best = vec4f(-3.4e38);
  var winner = vec4f(-1.0);
  for (var row = max(top, 0); row < min(top + i32(u.kernel_y), i32(u.height)); row++) {
    for (var column = max(left, 0); column < min(left + i32(u.kernel_x), i32(u.width)); column++) {
      let v = x((plane * u.height + u32(row)) * u.width + u32(column));
      let tap = f32((row - top) * i32(u.kernel_x) + column - left);
      // A window's first element wins whatever it is.
      let wins = (v > best) | (winner < vec4f());
      best = select(best, v, wins);
      winner = select(winner, vec4f(tap), wins);
    }
  }
  winners[id] = winner;`,
  }));
  const reads = { winners, gradient: context.read(gradient) };
  overWindows(node, gradient, reads, context, "select(vec4f(), gradient(at), winners(at) == vec4f(f32(tap)))");
};

/** Every window gives each of its elements an equal share. */
export const avgPool2dGrad: Kernel = (node, context) => {
  const { gradient } = node.operands as { gradient: Value };
  const reads = { gradient: context.read(gradient) };
  overWindows(node, gradient, reads, context, "gradient(at) / f32(u.kernel_y * u.kernel_x)");
};

/** Every pixel gets an equal share. */
export const globalAvgPoolGrad: Kernel = (node, context) => {
  const planes = node.operands as OperandsOf<typeof globalAvgPoolGradOperator>;
  const { pixels } = blocked(node.output.shape);
  planFormula(node, { planes, floats: { pixels }, result: "gradient / pixels" }, context);
};
