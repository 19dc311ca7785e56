/**
 * A training step of TensorFlow.js on its WebGPU backend: forward with batch statistics, cross-entropy, backward, SGD
 * with momentum. There is no weight decay, because the optimizer of tfjs has none.
 *
 * @module
 */

// deno-lint-ignore-file no-import-prefix -- a bench's peers are named where they are used
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Model } from "../../src/models/model/model.ts";
import { forward, fromRowMajor, loadParameters, takeBackend } from "./tfjs.ts";

/**
 * Only the union package registers the gradients of operators, on the same core. The name is in a variable so that Deno
 * downloads its 54 MB only when they are needed.
 */
const GRADIENTS = "npm:@tensorflow/tfjs@4.22.0";

/** A network in training. */
export interface TfjsTraining {
  /** Makes one step; returns the loss before it. */
  step(x: Float32Array, labels: Float32Array): Promise<number>;
  /** Frees the network. */
  dispose(): Promise<void>;
}

/** Prepares a static model for training. */
export async function openTfjsTraining(model: Model, batch: number, learningRate: number): Promise<TfjsTraining> {
  await import(GRADIENTS);
  const giveBack = await takeBackend("webgpu");
  const graph = model.trace({ batch });
  const parameters = new Map(
    [...await loadParameters(graph)].map(([value, tensor]) => {
      return [value, tf.variable(tensor, !value.name.includes(".running_"))];
    }),
  );
  const optimizer = tf.train.momentum(learningRate, 0.9);
  return {
    async step(x, labels) {
      const cost = tf.tidy(() => {
        const images = fromRowMajor(x, graph.inputs.get("x")!.shape);
        const targets = tf.oneHot(tf.tensor1d(labels, "int32"), model.config.numClasses);
        return optimizer.minimize(
          () => tf.losses.softmaxCrossEntropy(targets, forward(graph, parameters, images)) as tf.Scalar,
          true,
        )!;
      });
      const [loss] = await cost.data();
      cost.dispose();
      return loss;
    },
    async dispose() {
      optimizer.dispose();
      tf.dispose([...parameters.values()]);
      await giveBack();
    },
  };
}
