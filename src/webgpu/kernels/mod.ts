/** The table of kernels: the WebGPU implementation of each operator of src/graph/ops. */

import type { OperatorName } from "../../graph/ops/mod.ts";
import type { TrainingOperatorName } from "../../graph/ops/training.ts";
import type { Kernel } from "../plan/plan.ts";
import { convTranspose2d } from "./convolution/conv_transpose2d.ts";
import { conv2d } from "./convolution/conv2d.ts";
import { dynamicConv2d } from "./convolution/dynamic_conv2d.ts";
import { batchNorm, dropout, sigmoid } from "./elementwise/elementwise.ts";
import { FORMULA_KERNELS } from "./elementwise/formulas.ts";
import { concat, narrow, permute, reshape } from "./layout/moves.ts";
import { bmm } from "./linear/bmm.ts";
import { interpolate } from "./reduction/interpolate.ts";
import { expand, maxToSize, sumToSize } from "./reduction/to_size.ts";
import { mixKernels } from "./convolution/mix_kernels.ts";
import { flatten, padChannels } from "./layout/layout_ops.ts";
import { linear } from "./linear/linear.ts";
import { avgPool2d, globalAvgPool, maxPool2d } from "./reduction/pooling.ts";
import { softmax } from "./reduction/softmax.ts";
import { TRAINING_KERNELS } from "./training.ts";

/** The planning function of every operator. */
export const KERNELS: { readonly [K in OperatorName | TrainingOperatorName]: Kernel } = {
  ...TRAINING_KERNELS,
  conv2d,
  dynamic_conv2d: dynamicConv2d,
  mix_kernels: mixKernels,
  batch_norm: batchNorm,
  ...FORMULA_KERNELS,
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
};
