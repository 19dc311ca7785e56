import type { Node, Shape, Value } from "../../../graph/graph.ts";
import type { PoolAttributes } from "../../../graph/ops/pooling.ts";
import { type Dispatch, dispatch, type Resource } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import { haloColumns } from "../wgsl/halo.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/** Adjacent windows of a row that one invocation computes. */
const COLUMNS = 4;

/** Pixels that a mean sums as one run; a multiple of eight. */
const RUN = 256;

/** The computation over a window, as WGSL. Variable names end in the window's number `t`. */
export interface Window {
  readonly label: string;
  readonly x: Resource;
  readonly y: Resource;
  /** Declares the variables of a window. */
  readonly start: (t: number) => string;
  /** Adds `v`, the window's element `tap`. `inside` is whether the element is in the image and not in its padding. */
  readonly step: (t: number, v: string, tap: string, inside: string) => string;
  /** The window's result. */
  readonly result: (t: number) => string;
}

/** Plans a window that slides over an image. `pooled` is the result's shape. */
export function slideWindow(shape: Shape, pooled: Shape, attributes: PoolAttributes, window: Window): Dispatch {
  const { label, x, y, start, step, result } = window;
  const { kernelSize: [kh, kw], stride, padding } = attributes;
  const [input, output] = [blocked(shape), blocked(pooled)];
  const numbers = Array.from({ length: Math.min(COLUMNS, output.width) }, (_, t) => t);
  const taps = Array.from({ length: kw }, (_, k) => k);
  const tiles = Math.ceil(output.width / numbers.length);
  const halo = haloColumns(numbers.length, kw, stride[1], 1);
  return dispatch({
    label,
    reads: { x },
    writes: { y },
    uniforms: {
      height: input.height,
      width: input.width,
      out_height: output.height,
      out_width: output.width,
      tiles,
      kernel_y: kh,
      stride_y: stride[0],
      padding_y: padding[0],
      padding_x: padding[1],
    },
    invocations: tiles * output.height * output.batch * output.blocks,
    workgroupSize: 8,
    body: wgsl`
      let column = id % u.tiles * ${numbers.length}u;
      let row_out = id / u.tiles % u.out_height;
      let plane = id / (u.tiles * u.out_height);
      let top = i32(row_out * u.stride_y) - i32(u.padding_y);
      let left = i32(column) * ${stride[1]} - i32(u.padding_x);
      ${numbers.map((t) => `${start(t)}`)}
      for (var row = max(top, 0); row < min(top + i32(u.kernel_y), i32(u.height)); row++) {
        let first = i32(plane * u.height * u.width) + row * i32(u.width) + left;
        ${halo.map((j) => `let inside${j} = u32(left + ${j}) < u.width;\n    let x${j} = x(u32(first + ${j}));`)}
        ${
      numbers.flatMap((t) =>
        taps.map((k) => {
          const j = t * stride[1] + k;
          return `{ ${step(t, `x${j}`, `f32((row - top) * ${kw} + ${k})`, `inside${j}`)} }`;
        })
      )
    }
      }
      let at = (plane * u.out_height + row_out) * u.out_width + column;
      ${numbers.map((t) => `if (column + ${t}u < u.out_width) { y[at + ${t}u] = ${result(t)}; }`)}`,
  });
}

function pool(node: Node, context: PlanContext, window: Pick<Window, "start" | "step" | "result">): void {
  const { x } = node.operands as { x: Value };
  context.emit(slideWindow(x.shape, node.output.shape, node.attributes as PoolAttributes, {
    label: node.op.name,
    x: context.read(x),
    y: context.output(node),
    ...window,
  }));
}

/** Maximum of a window. Padding is ignored. */
export const maxPool2d: Kernel = (node, context) =>
  pool(node, context, {
    start: (t) => `var best${t} = vec4f(-3.4e38);`,
    step: (t, v, _, inside) => `best${t} = select(best${t}, max(best${t}, ${v}), ${inside});`,
    result: (t) => `best${t}`,
  });

/** Mean of a window. Padding counts as zeros. */
export const avgPool2d: Kernel = (node, context) => {
  const { kernelSize: [kh, kw] } = node.attributes as PoolAttributes;
  pool(node, context, {
    start: (t) => `var sum${t} = vec4f();`,
    step: (t, v, _, inside) => `sum${t} += select(vec4f(), ${v}, ${inside});`,
    result: (t) => `sum${t} / ${kh * kw}.0`,
  });
};

/**
 * Mean over height and width. An invocation computes four channels of one sample. It adds sums of eight pixels in runs,
 * then adds the runs' sums. In one chain, 12,544 pixels would lose three digits.
 */
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
    body: wgsl`
      let start = id * u.pixels;
      let end = start + u.pixels;
      let whole = start + (u.pixels & ~7u);
      var sum = vec4f();
      for (var first = start; first < end; first += ${RUN}u) {
        var run = vec4f();
        for (var p = first; p < min(whole, first + ${RUN}u); p += 8u) {
          run += ((x(p) + x(p + 1u)) + (x(p + 2u) + x(p + 3u))) + ((x(p + 4u) + x(p + 5u)) + (x(p + 6u) + x(p + 7u)));
        }
        sum += run;
      }
      var rest = vec4f();
      for (var p = whole; p < end; p++) { rest += x(p); }
      y[id] = (sum + rest) / f32(u.pixels);`,
  }));
};
