/** The kernels of the operators that only training uses. */

import type { TrainingOperatorName } from "../../graph/ops/training.ts";
import type { Kernel } from "../plan/plan.ts";
import { conv2dInputGrad } from "./convolution/conv2d_input_grad.ts";
import { attentionGrad } from "./convolution/gradient/attention_grad.ts";
import { conv2dAttentionProducts } from "./convolution/gradient/conv2d_attention_products.ts";
import { conv2dWeightGrad } from "./convolution/gradient/conv2d_weight_grad.ts";
import {
  mixKernelsChannelGrad,
  mixKernelsProducts,
  mixKernelsWeightGrad,
} from "./convolution/gradient/mix_kernels_grad.ts";
import { dropoutMask } from "./elementwise/dropout_mask.ts";
import { padAxis } from "./layout/moves.ts";
import { interpolateGrad } from "./reduction/interpolate.ts";
import { maxToSizeGrad } from "./reduction/to_size.ts";
import { elementwiseGrad } from "./elementwise/formulas.ts";
import { scale, sigmoidGrad, softmaxGrad } from "./elementwise/elementwise_grad.ts";
import { accumulate, gate } from "./elementwise/gate.ts";
import { clipFactor, optimizerUpdate } from "./elementwise/optimizer_step.ts";
import { sliceChannels, unflatten } from "./layout/layout_ops.ts";
import { linearInputGrad, linearWeightGrad } from "./linear/linear_grad.ts";
import { batchNormInputGrad, batchNormTrain, batchNormWeightGrad } from "./reduction/batch_norm_grad.ts";
import { crossEntropy, crossEntropyGrad } from "./reduction/cross_entropy.ts";
import { avgPool2dGrad, globalAvgPoolGrad, maxPool2dGrad } from "./reduction/pooling_grad.ts";
import {
  channelSum,
  channelVariance,
  fill,
  pixelSum,
  sum,
  sumProducts,
  sumSquares,
  total,
} from "./reduction/reductions.ts";

/** The planning function of every training operator. */
export const TRAINING_KERNELS: { readonly [K in TrainingOperatorName]: Kernel } = {
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
  running_average: optimizerUpdate,
  channel_sum: channelSum,
  channel_variance: channelVariance,
  pixel_sum: pixelSum,
  sum,
  fill,
  sum_products: sumProducts,
  scale,
  elementwise_grad: elementwiseGrad,
  pad_axis: padAxis,
  max_to_size_grad: maxToSizeGrad,
  interpolate_grad: interpolateGrad,
  sigmoid_grad: sigmoidGrad,
  softmax_grad: softmaxGrad,
  linear_input_grad: linearInputGrad,
  linear_weight_grad: linearWeightGrad,
  max_pool2d_grad: maxPool2dGrad,
  avg_pool2d_grad: avgPool2dGrad,
  global_avg_pool_grad: globalAvgPoolGrad,
  unflatten,
  slice_channels: sliceChannels,
  dropout_mask: dropoutMask,
  cross_entropy: crossEntropy,
  cross_entropy_grad: crossEntropyGrad,
  sgd_velocity: optimizerUpdate,
  sgd_step: optimizerUpdate,
  squared_average: optimizerUpdate,
  adamw_step: optimizerUpdate,
  sum_squares: sumSquares,
  total,
  clip_factor: clipFactor,
  accumulate,
  gate,
};
