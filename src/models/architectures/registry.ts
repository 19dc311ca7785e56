/**
 * All known architectures, as data. A new architecture is a new row here. A new family also needs a file beside this
 * one.
 *
 * @module
 */

import { ABOVE_ZERO, checkNumber, COUNT } from "../../arguments.ts";
import { CheckpointError } from "../../errors.ts";
import { CIFAR10, IMAGENET, type Preprocessing } from "../../data/pixels/preprocessing.ts";
import type { Module } from "../../nn/module.ts";
import { type ConvolutionFactory, convolutionFactory, type ConvolutionLayer } from "./convolution.ts";
import { MobileNetV2 } from "./mobilenet_v2.ts";
import { PUBLISHED, type Published } from "./published.ts";
import { ResNet, type ResNetPlan } from "./resnet.ts";

/** The configuration of a model: everything that distinguishes it from others, except the weights. */
export interface ModelConfig {
  /** A name in the registry, such as "od_resnet50", or {@link CUSTOM}. */
  readonly arch: string;
  /** Number of kernels that an ODConv layer mixes. Static architectures ignore it. @default 1 */
  readonly kernelNum?: number;
  /**
   * Width of the attention branches, as a share of the input channels. Static architectures ignore it. @default 1/16
   */
  readonly reduction?: number;
  /** Number of classes. @default the architecture's own: 1000, or 10 for CIFAR-10 */
  readonly numClasses?: number;
}

/** An architecture. */
export interface Architecture {
  /** Layer type of the convolutions, with default options. */
  readonly layer: ConvolutionLayer;
  /** Height and width of the images that it was designed for, in pixels. */
  readonly imageSize: number;
  /** Default number of classes. */
  readonly numClasses: number;
  /** How images become tensors. */
  readonly preprocessing: Preprocessing;
  /** Class names of a checkpoint with the default number of classes and no other names. */
  readonly classes?: "imagenet";
  /** The authors' checkpoints and figures. */
  readonly published: readonly Published[];
  /** Builds the network. */
  readonly build: (conv: ConvolutionFactory, numClasses: number) => Module;
}

function resnet(depths: readonly number[], bottleneck: boolean, smallImages = false): Architecture["build"] {
  const plan: ResNetPlan = { depths, bottleneck, smallImages };
  return (conv, numClasses) => new ResNet(plan, conv, numClasses);
}

function mobilenetV2(width: number): Architecture["build"] {
  return (conv, numClasses) => new MobileNetV2(width, conv, numClasses);
}

const ON_IMAGENET = { imageSize: 224, numClasses: 1000, preprocessing: IMAGENET, classes: "imagenet" as const };
const ON_CIFAR10 = { imageSize: 32, numClasses: 10, preprocessing: CIFAR10 };

const NETWORKS = {
  resnet18: { ...ON_IMAGENET, build: resnet([2, 2, 2, 2], false) },
  resnet34: { ...ON_IMAGENET, build: resnet([3, 4, 6, 3], false) },
  resnet50: { ...ON_IMAGENET, build: resnet([3, 4, 6, 3], true) },
  resnet101: { ...ON_IMAGENET, build: resnet([3, 4, 23, 3], true) },
  mobilenetv2_050: { ...ON_IMAGENET, build: mobilenetV2(0.5) },
  mobilenetv2_075: { ...ON_IMAGENET, build: mobilenetV2(0.75) },
  mobilenetv2_100: { ...ON_IMAGENET, build: mobilenetV2(1) },
  resnet20: { ...ON_CIFAR10, build: resnet([3, 3, 3], false, true) },
};

/** Layer types of the architectures, by the prefix of the name. */
const LAYERS: Readonly<Record<string, ConvolutionLayer>> = {
  "": { kind: "conv", options: {} },
  od_: { kind: "odconv", options: { kernelNum: 1, reduction: 0.0625 } },
};

/** All architectures: every network with every layer type, such as "resnet18" and "od_resnet18". */
export const REGISTRY: ReadonlyMap<string, Architecture> = new Map(
  Object.entries(NETWORKS).flatMap(([name, network]) =>
    Object.entries(LAYERS).map(([prefix, layer]): [string, Architecture] => {
      const arch = prefix + name;
      return [arch, { ...network, layer, published: PUBLISHED[arch] ?? [] }];
    })
  ),
);

/** The architecture's name in the configuration and the file of a custom network. */
export const CUSTOM = "custom";

/**
 * Returns the architecture with this name.
 *
 * @throws {CheckpointError} if there is none. The message lists the names.
 */
export function findArchitecture(arch: string): Architecture {
  if (arch === CUSTOM) {
    throw new CheckpointError(
      "this is a network of no registered architecture: a program that has its layers loads it with " +
        "loadModel(file, { build: () => network })",
    );
  }
  const found = REGISTRY.get(arch);
  if (!found) {
    throw new CheckpointError(`no architecture is called "${arch}"; there are ${[...REGISTRY.keys()].join(", ")}`);
  }
  return found;
}

/**
 * Completes a configuration. Static architectures have kernelNum 1.
 *
 * @throws {ArgumentError} if a number is out of its range.
 * @throws {CheckpointError} if there is no such architecture.
 */
export function completeConfig(config: ModelConfig): Required<ModelConfig> {
  const { arch, kernelNum = 1, reduction = 0.0625 } = config;
  const numClasses = config.numClasses ?? findArchitecture(arch).numClasses;
  checkNumber("kernelNum", kernelNum, COUNT);
  checkNumber("reduction", reduction, ABOVE_ZERO);
  checkNumber("numClasses", numClasses, COUNT);
  return { arch, kernelNum: isDynamic(arch) ? kernelNum : 1, reduction, numClasses };
}

/** Returns true if the convolutions of an architecture mix kernels. */
function isDynamic(arch: string): boolean {
  return arch !== CUSTOM && "kernelNum" in findArchitecture(arch).layer.options;
}

/** Returns the layer type of a configuration's convolutions. */
export function layerOf(config: ModelConfig): ConvolutionLayer {
  const { layer } = findArchitecture(config.arch);
  if (layer.kind === "conv") return layer;
  const { kernelNum, reduction } = completeConfig(config);
  return { ...layer, options: { kernelNum, reduction } };
}

/** Builds the network of a configuration, with initial weights. */
export function buildNetwork(config: ModelConfig): Module {
  return findArchitecture(config.arch).build(convolutionFactory(layerOf(config)), completeConfig(config).numClasses);
}

/** Returns the authors' checkpoint of a configuration, if there is one. */
export function findPublished(config: ModelConfig): Published | undefined {
  if (config.arch === CUSTOM) return undefined;
  const { arch, kernelNum, reduction, numClasses } = completeConfig(config);
  const { layer, numClasses: usual, published } = findArchitecture(arch);
  if (numClasses !== usual || ("reduction" in layer.options && reduction !== layer.options.reduction)) return undefined;
  return published.find((p) => p.kernelNum === kernelNum);
}
