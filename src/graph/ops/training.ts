/** The table of operators that only training graphs have. An executor must run these and those of ./mod.ts. */

import { attentionGrad } from "./attention_grad.ts";
import { batchNormInputGrad, batchNormWeightGrad } from "./batch_norm_grad.ts";
import { batchNormTrain, runningAverage } from "./batch_norm_train.ts";
import { maxToSizeGrad } from "./broadcast.ts";
import { conv2dAttentionProducts, conv2dInputGrad, conv2dWeightGrad } from "./convolution_grad.ts";
import { crossEntropy, crossEntropyGrad } from "./cross_entropy.ts";
import { dropoutMask } from "./dropout_mask.ts";
import { elementwiseGrad } from "./elementwise/formula.ts";
import { sigmoidGrad, softmaxGrad } from "./elementwise_grad.ts";
import { padAxis, sliceChannels, unflatten } from "./layout.ts";
import { interpolateGrad } from "./interpolate.ts";
import { accumulate, gate } from "./gate.ts";
import { linearInputGrad, linearWeightGrad } from "./linear_grad.ts";
import { mixKernelsChannelGrad, mixKernelsProducts, mixKernelsWeightGrad } from "./mix_kernels_grad.ts";
import { avgPool2dGrad, globalAvgPoolGrad, maxPool2dGrad } from "./pooling_grad.ts";
import { adamwStep, clipFactor, sgdStep, sgdVelocity, squaredAverage, sumSquares } from "./optimizer_step.ts";
import { channelSum, channelVariance, fill, pixelSum, scale, sum, sumProducts, total } from "./reductions.ts";

/** Every training operator by its name. */
export const TRAINING_OPERATORS = {
  conv2d_input_grad: conv2dInputGrad,
  conv2d_weight_grad: conv2dWeightGrad,
  conv2d_attention_products: conv2dAttentionProducts,
  attention_grad: attentionGrad,
  mix_kernels_weight_grad: mixKernelsWeightGrad,
  mix_kernels_channel_grad: mixKernelsChannelGrad,
  mix_kernels_products: mixKernelsProducts,
  batch_norm_train: batchNormTrain,
  batch_norm_weight_grad: batchNormWeightGrad,
  batch_norm_input_grad: batchNormInputGrad,
  running_average: runningAverage,
  channel_sum: channelSum,
  channel_variance: channelVariance,
  pixel_sum: pixelSum,
  sum,
  fill,
  sum_products: sumProducts,
  scale,
  elementwise_grad: elementwiseGrad,
  sigmoid_grad: sigmoidGrad,
  softmax_grad: softmaxGrad,
  linear_input_grad: linearInputGrad,
  linear_weight_grad: linearWeightGrad,
  max_pool2d_grad: maxPool2dGrad,
  avg_pool2d_grad: avgPool2dGrad,
  global_avg_pool_grad: globalAvgPoolGrad,
  unflatten,
  slice_channels: sliceChannels,
  pad_axis: padAxis,
  max_to_size_grad: maxToSizeGrad,
  interpolate_grad: interpolateGrad,
  dropout_mask: dropoutMask,
  cross_entropy: crossEntropy,
  cross_entropy_grad: crossEntropyGrad,
  sgd_velocity: sgdVelocity,
  sgd_step: sgdStep,
  squared_average: squaredAverage,
  adamw_step: adamwStep,
  sum_squares: sumSquares,
  total,
  clip_factor: clipFactor,
  accumulate,
  gate,
} as const;

/** "conv2d_input_grad", "batch_norm_train", ... */
export type TrainingOperatorName = keyof typeof TRAINING_OPERATORS;
