/**
 * Runs and trains ODConv networks outside Python, on WebGPU or the CPU. Reads PyTorch's checkpoints and computes
 * PyTorch's results.
 *
 * ```ts
 * import { classify, loadModel, openDevice } from "@odconv/odconv";
 *
 * using model = await loadModel("weights/od_resnet20_cifar10.safetensors");
 * using device = await openDevice("auto");
 * const network = await model.compile(device);
 * for (const { name, probability } of await classify(network, await Deno.readFile("tests/fixtures/images/photo.png"))) {
 *   console.log(name, probability);
 * }
 * ```
 *
 * @module
 */

export {
  ArgumentError,
  CheckpointError,
  DataError,
  DeviceError,
  type DeviceErrorReason,
  isOdconvError,
  type OdconvError,
  ShapeError,
  TrainingError,
} from "./src/errors.ts";

// Models: load, build, summarize.
export { type CustomNetwork, loadModel, type LoadOptions } from "./src/models/load.ts";
export {
  CompiledModel,
  type CompileOptions,
  createModel,
  type CustomInference,
  type GraphOptions,
  Model,
} from "./src/models/model/model.ts";
export {
  type AttentionName,
  attentionOutputs,
  type DynamicLayer,
  effectiveKernel,
} from "./src/models/model/attention.ts";
export type { InferenceConfig, InferenceOverrides } from "./src/models/config/inference_config.ts";
export { encodeMetadata, type Provenance } from "./src/models/config/metadata.ts";
export { type LayerSummary, type ModelSummary, summarize } from "./src/models/model/summary.ts";
export { findNetwork, type FindOptions, type FoundNetwork } from "./src/models/find/find_network.ts";
export { inferConfig } from "./src/models/find/infer.ts";
export type { TensorShapes } from "./src/models/find/tensor_shapes.ts";
export { type Architecture, CUSTOM, type ModelConfig, REGISTRY } from "./src/models/architectures/registry.ts";
export type {
  ConvolutionFactory,
  ConvolutionLayer,
  LayerKind,
  LayerOptions,
} from "./src/models/architectures/convolution.ts";
export { saveModel } from "./src/deno_only.ts";
export type { Published } from "./src/models/architectures/published.ts";

// Devices that networks run on.
export { type DeviceName, type DeviceOptions, type DeviceWork, type GpuSource, openDevice } from "./src/devices.ts";
export type { Precision } from "./src/webgpu/plan/plan.ts";
export type { Backend, Device, Executable, Tensors } from "./src/graph/backend.ts";
export { type Measured, Tuning, type TuningOptions } from "./src/webgpu/tuning/tuning.ts";

// Images: from bytes to the network's input.
export { decodeImage, type RgbImage } from "./src/data/decoding/decode.ts";
export { stack } from "./src/data/pixels/stack.ts";
export { type ImageTensor, imageTensor } from "./src/image_tensor.ts";
export { CIFAR10, crop, IMAGENET, normalize, preprocess, type Preprocessing } from "./src/data/pixels/preprocessing.ts";
export type { Interpolation } from "./src/data/pixels/resize.ts";

// Data sets.
export { evaluate, openDataset } from "./src/deno_only.ts";
export type { DatasetOptions } from "./src/data/datasets/open.ts";
export type { Dataset, Sample } from "./src/data/datasets/dataset.ts";
export type { Cifar10Split } from "./src/data/datasets/cifar10.ts";
export type { ModelClasses } from "./src/data/labels/class_numbers.ts";
export { DecodePool } from "./src/data/pool/decode_pool.ts";
export type { StoredImage } from "./src/data/pool/decode_messages.ts";
export { augment, type Augmentation, augmentationKey } from "./src/data/pixels/augment.ts";
export type { DatasetEvaluation, EvaluateDatasetOptions } from "./src/evaluation/evaluate_dataset.ts";
export type { EvaluateOptions, Evaluation } from "./src/evaluation/evaluate.ts";
export type { BatchResult } from "./src/evaluation/journal.ts";

// Results: from logits to class names.
export { classify, type ClassifyOptions, type ClassScore, type ImageSource } from "./src/evaluation/classify.ts";
export { type Accuracy, accuracy, type Prediction, type Score, softmax, topK } from "./src/evaluation/accuracy.ts";
export { classNames } from "./src/data/labels/class_names.ts";

// Layers for custom networks.
export {
  GELU,
  Hardsigmoid,
  Hardswish,
  Identity,
  LeakyReLU,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Tanh,
} from "./src/nn/activations.ts";
export { Conv1d, type Conv1dOptions } from "./src/nn/conv1d.ts";
export { ConvTranspose2d, type ConvTranspose2dOptions } from "./src/nn/conv_transpose2d.ts";
export { BatchNorm1d, GroupNorm, LayerNorm, type NormalizationOptions } from "./src/nn/normalization.ts";
export { AdaptiveAvgPool2d, AdaptiveMaxPool2d, Upsample, type UpsampleOptions } from "./src/nn/resize.ts";
export { BatchNorm2d } from "./src/nn/batch_norm2d.ts";
export { Conv2d, type Conv2dOptions, Convolution } from "./src/nn/conv2d.ts";
export { constant, type Initializer, kaimingFanOut, normal } from "./src/nn/init.ts";
export { Linear } from "./src/nn/linear.ts";
export { Module, type Parameter, Trace, traceModule, type TraceOptions } from "./src/nn/module.ts";
export { ODConv2d, type ODConv2dOptions } from "./src/nn/odconv2d.ts";
export { replaceConv2d, type ReplaceOptions } from "./src/nn/replace.ts";
export { Sequential } from "./src/nn/sequential.ts";
export { AvgPool2d, Dropout, Flatten, GlobalAvgPool, MaxPool2d, type PoolOptions } from "./src/nn/stateless.ts";

// The computation graph.
export {
  type Attributes,
  type AttributesOf,
  type Backward,
  Graph,
  type Node,
  type Operands,
  type OperandsOf,
  type Operator,
  type Shape,
  type Source,
  type Value,
} from "./src/graph/graph.ts";
export { OPERATORS } from "./src/graph/ops/mod.ts";
export { type Activation, type Pair, type WindowAttributes } from "./src/graph/ops/shared.ts";
export { type PoolAttributes } from "./src/graph/ops/pooling.ts";
export { fuseMixing } from "./src/graph/passes/fuse_mixing.ts";
export { optimizeForInference } from "./src/graph/passes/mod.ts";

// Training: gradients, losses, steps, schedules.
export { appendGradients } from "./src/graph/autodiff.ts";
export { crossEntropy, type CrossEntropyAttributes } from "./src/graph/ops/cross_entropy.ts";
export { scale, sum } from "./src/graph/ops/reductions.ts";
export {
  adamW,
  type AdamWOptions,
  clipGradients,
  type LoadState,
  type Optimizer,
  sgd,
  type SgdOptions,
  type UpdateOptions,
} from "./src/training/optimizer.ts";
export {
  learningRate,
  type LearningRateOptions,
  type Position,
  temperature,
  type TemperatureOptions,
} from "./src/training/schedules.ts";
export { type TrainingStepOptions } from "./src/training/step.ts";
export {
  type StepResult,
  type StepSettings,
  Trainer,
  type TrainerOptions,
  TrainingMemory,
} from "./src/training/trainer.ts";

export { loadCheckpoint, runTraining } from "./src/deno_only.ts";
export type { RunOptions, RunOutcome } from "./src/training/run_options.ts";
export { DEFAULT_RECIPE, type Recipe } from "./src/training/options.ts";
export type { EpochSums, RunState } from "./src/training/checkpoint.ts";
export type { EpochMetrics, StepMetrics } from "./src/training/metrics.ts";

// Checkpoints: tensors by name.
export { writeSafetensors } from "./src/deno_only.ts";
export type { WriteOptions } from "./src/checkpoint/write/safetensors.ts";
export type { FoundStateDict } from "./src/checkpoint/remapping/find_state_dict.ts";
export {
  type Checkpoint,
  type CheckpointConfig,
  type CheckpointFormat,
  openCheckpoint,
  type OpenOptions,
} from "./src/checkpoint/open.ts";
export type { LocateOptions } from "./src/checkpoint/locate.ts";
export type { HubOptions } from "./src/checkpoint/hub/options.ts";
export type { RetryOptions } from "./src/checkpoint/hub/retry.ts";
export type { TensorSpec } from "./src/checkpoint/remapping/remap.ts";
export type { ByteSource, DType, StateDict, Tensor } from "./src/checkpoint/tensors/state_dict.ts";
export { safetensorsBlob } from "./src/checkpoint/safetensors/blob.ts";
export { toFloat32 } from "./src/checkpoint/tensors/float32.ts";
