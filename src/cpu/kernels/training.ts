/** Lists the operators that only training graphs have. */

import type { TrainingOperatorName } from "../../graph/ops/training.ts";
import { attentionGradKernel } from "./convolution/attention_grad.ts";
import * as batchNorm from "./reduction/batch_norm_grad.ts";
import { maxToSizeGradKernel } from "./reduction/broadcast.ts";
import * as convolution from "./convolution/convolution_grad.ts";
import { crossEntropyGradKernel, crossEntropyKernel } from "./reduction/cross_entropy.ts";
import { dropoutMaskKernel } from "./elementwise/dropout_mask.ts";
import * as elementwise from "./elementwise/elementwise_grad.ts";
import { elementwiseGradKernel } from "./elementwise/formulas.ts";
import { accumulateKernel, gateKernel } from "./elementwise/gate.ts";
import { interpolateGradKernel } from "./reduction/interpolate.ts";
import type { Kernel } from "./tensors/kernel.ts";
import { padAxisKernel, sliceChannelsKernel, unflattenKernel } from "./layout/layout.ts";
import { linearInputGradKernel, linearWeightGradKernel } from "./linear/linear_grad.ts";
import {
  mixKernelsChannelGradKernel,
  mixKernelsProductsKernel,
  mixKernelsWeightGradKernel,
} from "./convolution/mixed_weights.ts";
import * as optimizer from "./elementwise/optimizer_step.ts";
import { avgPool2dGradKernel, globalAvgPoolGradKernel, maxPool2dGradKernel } from "./reduction/pooling_grad.ts";
import * as reductions from "./reduction/reductions.ts";

/** Every training kernel by its operator's name. */
export const TRAINING_KERNELS: Readonly<Record<TrainingOperatorName, Kernel>> = {
  conv2d_input_grad: convolution.conv2dInputGradKernel,
  conv2d_weight_grad: convolution.conv2dWeightGradKernel,
  conv2d_attention_products: convolution.conv2dAttentionProductsKernel,
  attention_grad: attentionGradKernel,
  mix_kernels_weight_grad: mixKernelsWeightGradKernel,
  mix_kernels_channel_grad: mixKernelsChannelGradKernel,
  mix_kernels_products: mixKernelsProductsKernel,
  batch_norm_train: batchNorm.batchNormTrainKernel,
  batch_norm_weight_grad: batchNorm.batchNormWeightGradKernel,
  batch_norm_input_grad: batchNorm.batchNormInputGradKernel,
  running_average: batchNorm.runningAverageKernel,
  channel_sum: reductions.channelSumKernel,
  channel_variance: reductions.channelVarianceKernel,
  pixel_sum: reductions.pixelSumKernel,
  sum: reductions.sumKernel,
  fill: reductions.fillKernel,
  sum_products: reductions.sumProductsKernel,
  scale: reductions.scaleKernel,
  elementwise_grad: elementwiseGradKernel,
  sigmoid_grad: elementwise.sigmoidGradKernel,
  softmax_grad: elementwise.softmaxGradKernel,
  linear_input_grad: linearInputGradKernel,
  linear_weight_grad: linearWeightGradKernel,
  max_pool2d_grad: maxPool2dGradKernel,
  avg_pool2d_grad: avgPool2dGradKernel,
  global_avg_pool_grad: globalAvgPoolGradKernel,
  unflatten: unflattenKernel,
  slice_channels: sliceChannelsKernel,
  pad_axis: padAxisKernel,
  max_to_size_grad: maxToSizeGradKernel,
  interpolate_grad: interpolateGradKernel,
  dropout_mask: dropoutMaskKernel,
  cross_entropy: crossEntropyKernel,
  cross_entropy_grad: crossEntropyGradKernel,
  sgd_velocity: optimizer.sgdVelocityKernel,
  sgd_step: optimizer.sgdStepKernel,
  squared_average: optimizer.squaredAverageKernel,
  adamw_step: optimizer.adamwStepKernel,
  total: reductions.totalKernel,
  sum_squares: reductions.sumSquaresKernel,
  clip_factor: optimizer.clipFactorKernel,
  accumulate: accumulateKernel,
  gate: gateKernel,
};
