import type { Node, Value } from "../../graph/graph.ts";
import type { PoolAttributes } from "../../graph/ops/pooling.ts";
import { dispatch } from "../kernel.ts";
import { blocked } from "../layout.ts";
import type { Kernel, PlanContext } from "../planner.ts";

/** A sliding-window pooling: one texel an invocation. `start`, `step` and `finish` are WGSL over `best` and `v`. */
function windowPool(node: Node, context: PlanContext, start: string, step: string, finish: string): void {
  const { x } = node.operands as { x: Value };
  const { kernelSize, stride, padding } = node.attributes as PoolAttributes;
  const input = blocked(x.shape);
  const output = blocked(node.output.shape);
  context.emit(dispatch({
    label: node.op.name,
    reads: { x: context.read(x) },
    writes: { y: context.output(node) },
    uniforms: {
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
    },
    invocations: output.texels,
    body: `
  let plane = id / (u.out_width * u.out_height);
  let top = i32((id / u.out_width) % u.out_height * u.stride_y) - i32(u.padding_y);
  let left = i32(id % u.out_width * u.stride_x) - i32(u.padding_x);
  var best = ${start};
  for (var row = max(top, 0); row < min(top + i32(u.kernel_y), i32(u.height)); row++) {
    for (var column = max(left, 0); column < min(left + i32(u.kernel_x), i32(u.width)); column++) {
      let v = x((plane * u.height + u32(row)) * u.width + u32(column));
      best = ${step};
    }
  }
  y[id] = ${finish};`,
  }));
}

/** Maximum of a window; padding never wins. */
export const maxPool2d: Kernel = (node, context) => windowPool(node, context, "vec4f(-3.4e38)", "max(best, v)", "best");

/** Mean of a window; padding counts as zeros. */
export const avgPool2d: Kernel = (node, context) =>
  windowPool(node, context, "vec4f()", "best + v", "best / f32(u.kernel_y * u.kernel_x)");

/** Mean over height and width: four channels of one sample an invocation, four partial sums for accuracy. */
export const globalAvgPool: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { pixels } = blocked(x.shape);
  context.emit(dispatch({
    label: "global_avg_pool",
    reads: { x: context.operand(x) },
    writes: { y: context.output(node) },
    uniforms: { pixels },
    invocations: blocked(node.output.shape).texels,
    workgroupSize: 8,
    body: `
  let start = id * u.pixels;
  let whole = u.pixels & ~3u;
  var a = vec4f();
  var b = vec4f();
  var c = vec4f();
  var d = vec4f();
  for (var p = 0u; p < whole; p += 4u) {
    a += x(start + p);
    b += x(start + p + 1u);
    c += x(start + p + 2u);
    d += x(start + p + 3u);
  }
  for (var p = whole; p < u.pixels; p++) { a += x(start + p); }
  y[id] = ((a + b) + (c + d)) / f32(u.pixels);`,
  }));
};
