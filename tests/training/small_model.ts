/** A network that is small enough for the float64 interpreter and has every feature that affects training. */

import { Model } from "../../src/models/model/model.ts";
import { BatchNorm2d } from "../../src/nn/batch_norm2d.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Linear } from "../../src/nn/linear.ts";
import type { Module } from "../../src/nn/module.ts";
import { ODConv2d } from "../../src/nn/odconv2d.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { ReLU } from "../../src/nn/activations.ts";
import { Dropout, GlobalAvgPool } from "../../src/nn/stateless.ts";
import { randomStateDict, uniform } from "../support/random_weights.ts";

/** Side of its images. */
export const SIZE = 6;

/** Classes it tells apart. */
export const CLASSES = 5;

/** The layers; without batch norm for comparing batches in parts with whole ones. */
export function smallNetwork(batchNorm = true, dropout = 0): Module {
  const norm = (features: number) => batchNorm ? [new BatchNorm2d(features)] : [];
  return new Sequential(
    new Conv2d(3, 4, 3, { padding: 1, bias: false }),
    ...norm(4),
    new ReLU(),
    batchNorm
      ? new ODConv2d(4, 6, 3, { stride: 2, padding: 1, kernelNum: 2, bias: false })
      : new Conv2d(4, 6, 3, { stride: 2, padding: 1 }),
    ...norm(6),
    new ReLU(),
    new GlobalAvgPool(),
    new Dropout(dropout),
    new Linear(6, CLASSES),
  );
}

/** A model of them, with the weights that random_weights.ts gives. */
export function smallModel(network: Module = smallNetwork()): Model {
  const model = new Model({ arch: "od_resnet20", kernelNum: 2, numClasses: CLASSES }, network);
  model.loadStateDict(randomStateDict(model.stateDictSpec()));
  return model;
}

/** Images and labels of a step. */
export function smallBatch(
  name: string,
  batch: number,
): { x: Float32Array<ArrayBuffer>; labels: Float32Array<ArrayBuffer> } {
  const labels = uniform(`${name} labels`, [batch], CLASSES / 2, CLASSES / 2).map((v) =>
    Math.min(Math.floor(v), CLASSES - 1)
  );
  return { x: uniform(name, [batch, 3, SIZE, SIZE], 2), labels };
}

/** The float tensors of a model or a network, by name. */
export async function weightsOf(model: Pick<Model, "stateDict">): Promise<Record<string, Float32Array<ArrayBuffer>>> {
  const entries = [...model.stateDict()].map(async ([name, tensor]) => {
    return [name, new Float32Array((await tensor.read()).slice().buffer)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
