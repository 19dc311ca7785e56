import { Conv2d, type Conv2dOptions, type Convolution } from "../../nn/conv2d.ts";
import type { Module } from "../../nn/module.ts";
import { ODConv2d } from "../../nn/odconv2d.ts";

/** The options of each kind of layer that a network's convolutions may be, beside those of every convolution. */
export interface LayerOptions {
  /** Conv2d, which has no other options. */
  readonly conv: Readonly<Record<never, never>>;
  /** ODConv2d. */
  readonly odconv: {
    /** n, the number of kernels that are mixed. */
    readonly kernelNum: number;
    /** Width of the attention branch. */
    readonly reduction: number;
  };
}

/** The kinds of layers. */
export type LayerKind = keyof LayerOptions;

/** Which layer the convolutions of a network are: `{ kind: "odconv", options: { kernelNum: 4, reduction: 0.0625 } }`. */
export type ConvolutionLayer = {
  readonly [K in LayerKind]: { readonly kind: K; readonly options: LayerOptions[K] };
}[LayerKind];

/** Makes the convolutions of a network: padded so that stride 1 keeps the size, no bias. */
export type ConvolutionFactory = (cin: number, cout: number, k: number, stride: number, groups?: number) => Module;

/** The constructor of each kind. */
const LAYERS: {
  readonly [K in LayerKind]: new (
    cin: number,
    cout: number,
    k: number,
    options: Conv2dOptions & LayerOptions[K],
  ) => Convolution;
} = { conv: Conv2d, odconv: ODConv2d };

/** Makes the convolutions of a network out of such layers. */
export function convolutionFactory<K extends LayerKind>(
  { kind, options }: { readonly kind: K; readonly options: LayerOptions[K] },
): ConvolutionFactory {
  const Layer = LAYERS[kind];
  return (cin, cout, k, stride, groups = 1) => {
    return new Layer(cin, cout, k, { stride, padding: (k - 1) / 2, groups, bias: false, ...options });
  };
}
