/**
 * Every architecture this project knows, as data. A new one is a row here and, if its family is new, a file beside.
 *
 * @module
 */

import { ABOVE_ZERO, checkNumber, COUNT } from "../../arguments.ts";
import { CheckpointError } from "../../errors.ts";
import { CIFAR10, IMAGENET, type Preprocessing } from "../../data/pixels/preprocessing.ts";
import type { Module } from "../../nn/module.ts";
import { type ConvolutionFactory, convolutionFactory } from "./convolution.ts";
import { MobileNetV2 } from "./mobilenet_v2.ts";
import { PUBLISHED, type Published } from "./published.ts";
import { ResNet, type ResNetPlan } from "./resnet.ts";

/** What tells one model from another, besides its weights. */
export interface ModelConfig {
  /** A name of the registry: "od_resnet50". */
  readonly arch: string;
  /** Kernels an ODConv layer mixes; 1 if left out. Static architectures ignore it. */
  readonly kernelNum?: number;
  /** Width of the attention branches; 1/16 if left out. Static architectures ignore it. */
  readonly reduction?: number;
  /** The architecture's own if left out: 1000, or 10 for CIFAR-10. */
  readonly numClasses?: number;
}

/** One architecture. */
export interface Architecture {
  /** Whether its convolutions are ODConv2d. */
  readonly dynamic: boolean;
  /** Height and width of the images it was made for. */
  readonly imageSize: number;
  /** Classes, where nobody says otherwise. */
  readonly numClasses: number;
  /** How images become tensors. */
  readonly preprocessing: Preprocessing;
  /** Whose classes a checkpoint of as many classes has, where nothing says what they are. */
  readonly classes?: "imagenet";
  /** The authors' checkpoints and figures. */
  readonly published: readonly Published[];
  /** Makes the network. */
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

/** Every network twice: static under its own name, dynamic with the prefix "od_". */
export const REGISTRY: ReadonlyMap<string, Architecture> = new Map(
  Object.entries(NETWORKS).flatMap(([name, network]) =>
    [false, true].map((dynamic): [string, Architecture] => {
      const arch = dynamic ? `od_${name}` : name;
      return [arch, { ...network, dynamic, published: PUBLISHED[arch] ?? [] }];
    })
  ),
);

/** The architecture of that name. Throws CheckpointError, listing the names, where there is none. */
export function findArchitecture(arch: string): Architecture {
  const found = REGISTRY.get(arch);
  if (!found) {
    throw new CheckpointError(`no architecture is called "${arch}"; there are ${[...REGISTRY.keys()].join(", ")}`);
  }
  return found;
}

/**
 * A configuration with nothing left out; static architectures have kernelNum 1.
 *
 * @throws ArgumentError if a number is out of its range
 * @throws CheckpointError if there is no such architecture
 */
export function completeConfig(config: ModelConfig): Required<ModelConfig> {
  const { dynamic, numClasses: usual } = findArchitecture(config.arch);
  const { arch, kernelNum = 1, reduction = 0.0625, numClasses = usual } = config;
  checkNumber("kernelNum", kernelNum, COUNT);
  checkNumber("reduction", reduction, ABOVE_ZERO);
  checkNumber("numClasses", numClasses, COUNT);
  return { arch, kernelNum: dynamic ? kernelNum : 1, reduction, numClasses };
}

/** The layers of a configuration, with initial weights. */
export function buildNetwork(config: ModelConfig): Module {
  const { arch, kernelNum, reduction, numClasses } = completeConfig(config);
  const { dynamic, build } = findArchitecture(arch);
  return build(convolutionFactory(dynamic ? { kernelNum, reduction } : undefined), numClasses);
}

/** The authors' checkpoint of a configuration, if there is one. */
export function findPublished(config: ModelConfig): Published | undefined {
  const { arch, kernelNum, reduction, numClasses } = completeConfig(config);
  const { dynamic, numClasses: usual, published } = findArchitecture(arch);
  if (numClasses !== usual || (dynamic && reduction !== 0.0625)) return undefined;
  return published.find((p) => p.kernelNum === kernelNum);
}
