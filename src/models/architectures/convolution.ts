import { Conv2d, type Conv2dOptions, type Convolution } from "../../nn/conv2d.ts";
import type { Module } from "../../nn/module.ts";
import { ODConv2d } from "../../nn/odconv2d.ts";

/** Options of each layer type that a network's convolutions may have, in addition to those of every convolution. */
export interface LayerOptions {
  /** Conv2d has no further options. */
  readonly conv: Readonly<Record<never, never>>;
  /** ODConv2d. */
  readonly odconv: {
    /** n, the number of kernels that are mixed. */
    readonly kernelNum: number;
    /** Width of the attention branch, as a share of the input channels. */
    readonly reduction: number;
  };
}

/** The layer types. */
export type LayerKind = keyof LayerOptions;

/** The layer type of a network's convolutions: `{ kind: "odconv", options: { kernelNum: 4, reduction: 0.0625 } }`. */
export type ConvolutionLayer = {
  readonly [K in LayerKind]: { readonly kind: K; readonly options: LayerOptions[K] };
}[LayerKind];

/** Makes a convolution of a network. It has no bias, and its padding keeps the size at stride 1. */
export type ConvolutionFactory = (cin: number, cout: number, k: number, stride: number, groups?: number) => Module;

/** Constructor of each layer type. */
const LAYERS: {
  readonly [K in LayerKind]: new (
    cin: number,
    cout: number,
    k: number,
    options: Conv2dOptions & LayerOptions[K],
  ) => Convolution;
} = { conv: Conv2d, odconv: ODConv2d };

/** Returns a factory that makes the convolutions of a network with this layer type. */
export function convolutionFactory<K extends LayerKind>(
  { kind, options }: { readonly kind: K; readonly options: LayerOptions[K] },
): ConvolutionFactory {
  const Layer = LAYERS[kind];
  return (cin, cout, k, stride, groups = 1) => {
    return new Layer(cin, cout, k, { stride, padding: (k - 1) / 2, groups, bias: false, ...options });
  };
}
