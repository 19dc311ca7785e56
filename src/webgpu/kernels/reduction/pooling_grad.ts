import type { Node, OperandsOf, Value } from "../../../graph/graph.ts";
import type { PoolAttributes } from "../../../graph/ops/pooling.ts";
import type { globalAvgPoolGrad as globalAvgPoolGradOperator } from "../../../graph/ops/pooling_grad.ts";
import { dispatch, type Resource } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import { planFormula } from "../wgsl/formula.ts";
import { wgsl } from "../wgsl/wgsl.ts";
import { slideWindow } from "./pooling.ts";

/**
 * For every pixel of x, adds the share of each window that covers it. `share` is WGSL. It may use the window's texel
 * `at` of the pooled tensors and the pixel's number `tap` in the window.
 */
function overWindows(
  node: Node,
  gradient: Value,
  reads: Readonly<Record<string, Resource>>,
  context: PlanContext,
  share: string,
): void {
  const { kernelSize: [kh, kw], stride: [sy, sx], padding } = node.attributes as PoolAttributes;
  const [input, output] = [blocked(node.output.shape), blocked(gradient.shape)];
  const windows = Array.from({ length: Math.ceil(kh / sy) }, (_, r) => r).flatMap((r) =>
    Array.from({ length: Math.ceil(kw / sx) }, (_, c) => [r, c])
  );
  context.emit(dispatch({
    label: node.op.name,
    reads,
    writes: { dx: context.output(node) },
    uniforms: {
      height: input.height,
      width: input.width,
      out_height: output.height,
      out_width: output.width,
      padding_y: padding[0],
      padding_x: padding[1],
    },
    invocations: input.texels,
    body: wgsl`
      let plane = id / (u.width * u.height);
      let row = (id / u.width) % u.height + u.padding_y;
      let column = id % u.width + u.padding_x;
      // The first window that reaches so far, and the one after the last that begins in time.
      let first_row = (max(row + 1u, ${kh}u) - ${kh}u + ${sy - 1}u) / ${sy}u;
      let first_column = (max(column + 1u, ${kw}u) - ${kw}u + ${sx - 1}u) / ${sx}u;
      let end_row = min(u.out_height, row / ${sy}u + 1u);
      let end_column = min(u.out_width, column / ${sx}u + 1u);
      var sum = vec4f();
      ${
      windows.map(([r, c]) =>
        wgsl`
          {
            let r = first_row + ${r}u;
            let c = first_column + ${c}u;
            let at = (plane * u.out_height + r) * u.out_width + c;
            let tap = (row - r * ${sy}u) * ${kw}u + column - c * ${sx}u;
            sum += select(vec4f(), ${share}, r < end_row && c < end_column);
          }`
      )
    }
      dx[id] = sum;`,
  }));
}

/**
 * Finds the position of each window's first largest element. Then every pixel sums the gradients of the windows in
 * which it is that element.
 */
export const maxPool2dGrad: Kernel = (node, context) => {
  const { x, gradient } = node.operands as { x: Value; gradient: Value };
  const winners = context.scratch(`${node.name} winners`, blocked(gradient.shape).texels);
  context.emit(slideWindow(x.shape, gradient.shape, node.attributes as PoolAttributes, {
    label: "max_pool2d_winners",
    x: context.operand(x),
    y: winners,
    start: (t) => `var best${t} = vec4f(-3.4e38); var winner${t} = vec4f(-1.0);`,
    // A window's first element is always taken, whatever its value.
    step: (t, v, tap, inside) =>
      `let wins = ((${v} > best${t}) | (winner${t} < vec4f())) & vec4<bool>(${inside}); ` +
      `best${t} = select(best${t}, ${v}, wins); winner${t} = select(winner${t}, vec4f(${tap}), wins);`,
    result: (t) => `winner${t}`,
  }));
  const reads = { winners, gradient: context.read(gradient) };
  overWindows(node, gradient, reads, context, "select(vec4f(), gradient(at), winners(at) == vec4f(f32(tap)))");
};

/** The gradient of a window is divided equally among its elements. */
export const avgPool2dGrad: Kernel = (node, context) => {
  const { gradient } = node.operands as { gradient: Value };
  const { kernelSize: [kh, kw] } = node.attributes as PoolAttributes;
  overWindows(node, gradient, { gradient: context.read(gradient) }, context, `gradient(at) / ${kh * kw}.0`);
};

/** The gradient is divided equally among the pixels. */
export const globalAvgPoolGrad: Kernel = (node, context) => {
  const planes = node.operands as OperandsOf<typeof globalAvgPoolGradOperator>;
  const { pixels } = blocked(node.output.shape);
  planFormula(node, { planes, floats: { pixels }, result: (n) => `${n.gradient} / ${n.pixels}` }, context);
};
