/** Lists the operators that this device runs. */

import type { OperatorName } from "../../graph/ops/mod.ts";
import type { TrainingOperatorName } from "../../graph/ops/training.ts";
import { bmmKernel } from "./linear/bmm.ts";
import * as broadcast from "./reduction/broadcast.ts";
import { convTranspose2dKernel } from "./convolution/conv_transpose2d.ts";
import { conv2dKernel, dynamicConv2dKernel } from "./convolution/convolution.ts";
import * as elementwise from "./elementwise/elementwise.ts";
import { FORMULA_KERNELS } from "./elementwise/formulas.ts";
import { interpolateKernel } from "./reduction/interpolate.ts";
import type { Kernel } from "./tensors/kernel.ts";
import {
  concatKernel,
  flattenKernel,
  narrowKernel,
  padChannelsKernel,
  permuteKernel,
  reshapeKernel,
} from "./layout/layout.ts";
import { linearKernel } from "./linear/linear.ts";
import { mixKernelsKernel } from "./convolution/mixed_weights.ts";
import { avgPool2dKernel, globalAvgPoolKernel, maxPool2dKernel } from "./reduction/pooling.ts";
import { TRAINING_KERNELS } from "./training.ts";

/** Every kernel by its operator's name. */
export const KERNELS: Readonly<Record<OperatorName | TrainingOperatorName, Kernel>> = {
  conv2d: conv2dKernel,
  dynamic_conv2d: dynamicConv2dKernel,
  mix_kernels: mixKernelsKernel,
  batch_norm: elementwise.batchNormKernel,
  ...FORMULA_KERNELS,
  sigmoid: elementwise.sigmoidKernel,
  softmax: elementwise.softmaxKernel,
  max_pool2d: maxPool2dKernel,
  avg_pool2d: avgPool2dKernel,
  global_avg_pool: globalAvgPoolKernel,
  linear: linearKernel,
  flatten: flattenKernel,
  dropout: elementwise.dropoutKernel,
  pad_channels: padChannelsKernel,
  conv_transpose2d: convTranspose2dKernel,
  bmm: bmmKernel,
  interpolate: interpolateKernel,
  expand: broadcast.expandKernel,
  sum_to_size: broadcast.sumToSizeKernel,
  max_to_size: broadcast.maxToSizeKernel,
  reshape: reshapeKernel,
  permute: permuteKernel,
  narrow: narrowKernel,
  concat: concatKernel,
  ...TRAINING_KERNELS,
};
