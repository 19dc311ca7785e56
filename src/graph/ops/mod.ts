/** The table of operators: what an executor must be able to run. */

import { batchNorm } from "./batch_norm.ts";
import { conv2d } from "./conv2d.ts";
import { dynamicConv2d } from "./dynamic_conv2d.ts";
import { add, dropout, mul, relu, relu6, sigmoid, softmax } from "./elementwise.ts";
import { flatten, padChannels } from "./layout.ts";
import { linear } from "./linear.ts";
import { mixKernels } from "./mix_kernels.ts";
import { avgPool2d, globalAvgPool, maxPool2d } from "./pooling.ts";

/** Every operator by its name. */
export const OPERATORS = {
  conv2d,
  dynamic_conv2d: dynamicConv2d,
  mix_kernels: mixKernels,
  batch_norm: batchNorm,
  relu,
  relu6,
  sigmoid,
  softmax,
  add,
  mul,
  max_pool2d: maxPool2d,
  avg_pool2d: avgPool2d,
  global_avg_pool: globalAvgPool,
  linear,
  flatten,
  dropout,
  pad_channels: padChannels,
} as const;

/** "conv2d", "dynamic_conv2d", ... */
export type OperatorName = keyof typeof OPERATORS;
