/** The table of the operators this device runs. */

import type { OperatorName } from "../../graph/ops/mod.ts";
import type { TrainingOperatorName } from "../../graph/ops/training.ts";
import { conv2dKernel, dynamicConv2dKernel } from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";
import { flattenKernel, padChannelsKernel } from "./layout.ts";
import { linearKernel } from "./linear.ts";
import { mixKernelsKernel } from "./mixed_weights.ts";
import { avgPool2dKernel, globalAvgPoolKernel, maxPool2dKernel } from "./pooling.ts";
import { TRAINING_KERNELS } from "./training.ts";

/** Every kernel by its operator's name. */
export const KERNELS: Readonly<Record<OperatorName | TrainingOperatorName, Kernel>> = {
  conv2d: conv2dKernel,
  dynamic_conv2d: dynamicConv2dKernel,
  mix_kernels: mixKernelsKernel,
  batch_norm: elementwise.batchNormKernel,
  relu: elementwise.reluKernel,
  relu6: elementwise.relu6Kernel,
  sigmoid: elementwise.sigmoidKernel,
  softmax: elementwise.softmaxKernel,
  add: elementwise.addKernel,
  mul: elementwise.mulKernel,
  max_pool2d: maxPool2dKernel,
  avg_pool2d: avgPool2dKernel,
  global_avg_pool: globalAvgPoolKernel,
  linear: linearKernel,
  flatten: flattenKernel,
  dropout: elementwise.dropoutKernel,
  pad_channels: padChannelsKernel,
  ...TRAINING_KERNELS,
};
