/**
 * Computes top-k accuracy and cross-entropy from logits.
 *
 * @module
 */

import { checkNumber, COUNT } from "../arguments.ts";

/** A class and its score. */
export interface Score {
  /** Index of the class. */
  readonly class: number;
  /** The logit, float32, or the probability if topK was given probabilities. */
  readonly logit: number;
}

/** The result for one image. */
export interface Prediction {
  /** The image's name in the data set. */
  readonly file: string;
  /** The true class. */
  readonly label: number;
  /** Cross-entropy, in nats. */
  readonly loss: number;
  /** The five largest logits, largest first. If the model has fewer than five classes, all logits. */
  readonly top5: readonly Score[];
}

/** Means over images. */
export interface Accuracy {
  /** Share of images whose highest-scored class is right, in percent. */
  readonly top1: number;
  /** Share of images whose class is among the five highest-scored, in percent. */
  readonly top5: number;
  /** Mean cross-entropy, in nats. */
  readonly loss: number;
}

/**
 * Returns the k largest logits, largest first. Of equal logits the lower class comes first, on every device. torch.topk
 * leaves that order open.
 *
 * @param logits Logits of one image, or its probabilities.
 * @param k Number of results. If there are fewer classes, all of them are returned.
 * @throws {ArgumentError} if k is not a whole number from 1.
 * @example
 * ```ts
 * topK(Float32Array.of(0.5, 2, -1), 2); // [{ class: 1, logit: 2 }, { class: 0, logit: 0.5 }]
 * ```
 */
export function topK(logits: ArrayLike<number>, k: number): Score[] {
  checkNumber("k", k, COUNT);
  const best: Score[] = [];
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i];
    if (best.length === k && !(logit > best[k - 1].logit)) continue;
    let at = best.length;
    while (at > 0 && logit > best[at - 1].logit) at--;
    best.splice(at, 0, { class: i, logit });
    if (best.length > k) best.pop();
  }
  return best;
}

/** torch.nn.functional.cross_entropy of one image, in float64: log(sum_i exp(l_i)) - l_label. */
export function crossEntropy(logits: Float32Array, label: number): number {
  let max = -Infinity;
  for (const logit of logits) max = Math.max(max, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  return max - logits[label] + Math.log(sum);
}

/** Returns the probabilities of the classes: softmax in float64. */
export function softmax(logits: Float32Array): Float64Array<ArrayBuffer> {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const exps = Float64Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((e) => e / sum);
}

/**
 * Returns the means over at least one prediction. They are summed in the given order, so that equal lists have equal
 * means.
 */
export function accuracy(predictions: readonly Prediction[]): Accuracy {
  let top1 = 0, top5 = 0, loss = 0;
  for (const prediction of predictions) {
    const place = prediction.top5.findIndex((score) => score.class === prediction.label);
    if (place === 0) top1++;
    if (place >= 0) top5++;
    loss += prediction.loss;
  }
  const n = predictions.length;
  return { top1: 100 * top1 / n, top5: 100 * top5 / n, loss: loss / n };
}
