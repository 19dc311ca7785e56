import { Conv2d } from "../../nn/conv2d.ts";
import type { Module } from "../../nn/module.ts";
import { ODConv2d } from "../../nn/odconv2d.ts";

/** Makes the convolutions of a network: padded so that stride 1 keeps the size, no bias. */
export type ConvolutionFactory = (cin: number, cout: number, k: number, stride: number, groups?: number) => Module;

/** Static convolutions, or dynamic ones where `dynamic` says how. */
export function convolutionFactory(dynamic?: { kernelNum: number; reduction: number }): ConvolutionFactory {
  return (cin, cout, k, stride, groups = 1) => {
    const options = { stride, padding: (k - 1) / 2, groups, bias: false };
    return dynamic ? new ODConv2d(cin, cout, k, { ...options, ...dynamic }) : new Conv2d(cin, cout, k, options);
  };
}
