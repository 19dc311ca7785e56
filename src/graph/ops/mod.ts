/** The table of operators. Every executor must run all of them. */

import { batchNorm } from "./batch_norm.ts";
import { bmm } from "./bmm.ts";
import { expand, maxToSize, sumToSize } from "./broadcast.ts";
import { convTranspose2d } from "./conv_transpose2d.ts";
import { conv2d } from "./conv2d.ts";
import { dynamicConv2d } from "./dynamic_conv2d.ts";
import { dropout, sigmoid, softmax } from "./elementwise.ts";
import { BINARY_OPERATORS, UNARY_OPERATORS } from "./elementwise/mod.ts";
import { mul } from "./elementwise/mul.ts";
import { interpolate } from "./interpolate.ts";
import { concat, flatten, narrow, padChannels, permute, reshape } from "./layout.ts";
import { linear } from "./linear.ts";
import { mixKernels } from "./mix_kernels.ts";
import { avgPool2d, globalAvgPool, maxPool2d } from "./pooling.ts";

/** Every operator by its name. */
export const OPERATORS = {
  conv2d,
  dynamic_conv2d: dynamicConv2d,
  mix_kernels: mixKernels,
  batch_norm: batchNorm,
  ...UNARY_OPERATORS,
  ...BINARY_OPERATORS,
  mul,
  sigmoid,
  softmax,
  max_pool2d: maxPool2d,
  avg_pool2d: avgPool2d,
  global_avg_pool: globalAvgPool,
  linear,
  flatten,
  dropout,
  pad_channels: padChannels,
  conv_transpose2d: convTranspose2d,
  bmm,
  interpolate,
  expand,
  sum_to_size: sumToSize,
  max_to_size: maxToSize,
  reshape,
  permute,
  narrow,
  concat,
} as const;

/** "conv2d", "dynamic_conv2d", ... */
export type OperatorName = keyof typeof OPERATORS;
