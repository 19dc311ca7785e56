/** Shape rules that several operators share. */

import { ShapeError } from "../../errors.ts";
import type { Shape, Value } from "../graph.ts";

/** [vertical, horizontal]. */
export type Pair = readonly [number, number];

/** The function that is applied to a result before it is stored. */
export type Activation = "none" | "relu" | "relu6";

/** The sliding-window attributes of PyTorch's conv2d. */
export type WindowAttributes = {
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
};

/** Attributes of the two sliding-window poolings. */
export type PoolAttributes = {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
};

/** The attributes of conv2d and dynamic_conv2d. */
export type ConvolutionAttributes = WindowAttributes & {
  /** Groups of channels that are convolved separately. */
  readonly groups: number;
  /** The epilogue's last step. */
  readonly activation: Activation;
};

/** Throws unless `actual` has the expected extents; -1 expects any. */
export function expectShape(what: string, actual: Shape, expected: Shape): void {
  if (actual.length !== expected.length || expected.some((d, i) => d >= 0 && d !== actual[i])) {
    const wanted = expected.map((d) => d < 0 ? "*" : d).join(", ");
    throw new ShapeError(`${what} is [${actual.join(", ")}], expected [${wanted}]`);
  }
}

/** As expectShape, for an operand that may be left out. */
export function expectOptional(what: string, value: Value | undefined, expected: Shape): void {
  if (value) expectShape(what, value.shape, expected);
}

/** The bias of a convolution: [Cout], or [B, Cout] if every sample has its own. */
export function expectBias(bias: Value | undefined, [batch, cout]: Shape): void {
  expectOptional("bias", bias, bias?.shape.length === 2 ? [batch, cout] : [cout]);
}

/** floor((in + 2 padding - dilation (k - 1) - 1) / stride) + 1: one spatial extent of a convolution or pooling. */
export function windowExtent(extent: number, k: number, stride: number, padding: number, dilation: number): number {
  const out = Math.floor((extent + 2 * padding - dilation * (k - 1) - 1) / stride) + 1;
  if (out < 1) {
    throw new ShapeError(
      `a window of ${dilation * (k - 1) + 1} does not fit an extent of ${extent} padded by ${padding}`,
    );
  }
  return out;
}

/** Output shape and operand checks that conv2d and dynamic_conv2d share; `weight` without the kernels' extent. */
export function convolutionShape(
  x: Shape,
  weight: Shape,
  attributes: WindowAttributes & { readonly groups: number },
): Shape {
  expectShape("x", x, [-1, -1, -1, -1]);
  expectShape("weight", weight, [-1, -1, -1, -1]);
  const [batch, cin, h, w] = x;
  const [cout, cinPerGroup, kh, kw] = weight;
  const { stride, padding, dilation, groups } = attributes;
  if (cin % groups !== 0 || cout % groups !== 0) {
    throw new ShapeError(`${groups} groups do not divide ${cin} input and ${cout} output channels`);
  }
  if (cinPerGroup * groups !== cin) {
    throw new ShapeError(`weight takes ${cinPerGroup} channels in each of ${groups} groups, x has ${cin}`);
  }
  return [
    batch,
    cout,
    windowExtent(h, kh, stride[0], padding[0], dilation[0]),
    windowExtent(w, kw, stride[1], padding[1], dilation[1]),
  ];
}
