/** Lists the operators that only training graphs have. */

import type { TrainingOperatorName } from "../../graph/ops/training.ts";
import { attentionGradKernel } from "./attention_grad.ts";
import * as batchNorm from "./batch_norm_grad.ts";
import { maxToSizeGradKernel } from "./broadcast.ts";
import * as convolution from "./convolution_grad.ts";
import { crossEntropyGradKernel, crossEntropyKernel } from "./cross_entropy.ts";
import { dropoutMaskKernel } from "./dropout_mask.ts";
import * as elementwise from "./elementwise_grad.ts";
import { elementwiseGradKernel } from "./formulas.ts";
import { accumulateKernel, gateKernel } from "./gate.ts";
import { interpolateGradKernel } from "./interpolate.ts";
import type { Kernel } from "./kernel.ts";
import { padAxisKernel, sliceChannelsKernel, unflattenKernel } from "./layout.ts";
import { linearInputGradKernel, linearWeightGradKernel } from "./linear_grad.ts";
import { mixKernelsChannelGradKernel, mixKernelsProductsKernel, mixKernelsWeightGradKernel } from "./mixed_weights.ts";
import * as optimizer from "./optimizer_step.ts";
import { avgPool2dGradKernel, globalAvgPoolGradKernel, maxPool2dGradKernel } from "./pooling_grad.ts";
import * as reductions from "./reductions.ts";

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
