/**
 * The arithmetic of optimizers, so that a training step never leaves the device. All operators but the norm are
 * elementwise.
 *
 * An operator that replaces a tensor from run to run takes a condition. If it is 0, the result is the old tensor.
 */

import type { Operator, Value } from "../graph.ts";
import { expectOptional, expectShape } from "./shared.ts";

/** PyTorch's SGD, first half: momentum * velocity + gradient + weightDecay * parameter; the new velocity. */
export const sgdVelocity: Operator<
  {
    /** Any shape. */
    parameter: Value;
    /** The parameter's shape. */
    gradient: Value;
    /** The parameter's shape; zero before the first step. */
    velocity: Value;
    /** [1]; 1 if left out. */
    condition?: Value;
  },
  { readonly momentum: number; readonly weightDecay: number }
> = { name: "sgd_velocity", shape: sameShapes };

/**
 * PyTorch's SGD, second half: parameter - learningRate * direction. The direction is the new velocity; with `nesterov`,
 * gradient + weightDecay * parameter + momentum * velocity; without a velocity, gradient + weightDecay * parameter.
 */
export const sgdStep: Operator<
  {
    /** Any shape. */
    parameter: Value;
    /** The parameter's shape. */
    gradient: Value;
    /** The parameter's shape, of sgd_velocity; left out if there is no momentum. */
    velocity?: Value;
    /** [1] */
    learningRate: Value;
    /** [1]; 1 if left out. */
    condition?: Value;
  },
  { readonly momentum: number; readonly weightDecay: number; readonly nesterov: boolean }
> = {
  name: "sgd_step",
  shape({ learningRate, ...tensors }) {
    expectShape("learning rate", learningRate.shape, [1]);
    return sameShapes(tensors);
  },
};

/** beta * moment + (1 - beta) * gradient^2: Adam's second moment. Its first is a running_average. */
export const squaredAverage: Operator<
  {
    /** The gradient's shape; zero before the first step. */
    moment: Value;
    /** Any shape. */
    gradient: Value;
    /** [1]; 1 if left out. */
    condition?: Value;
  },
  { readonly beta: number }
> = {
  name: "squared_average",
  shape({ moment, gradient, condition }) {
    expectShape("gradient", gradient.shape, moment.shape);
    expectOptional("condition", condition, [1]);
    return moment.shape;
  },
};

/**
 * PyTorch's AdamW: with t the step, counted from 1,
 *
 *     (1 - learningRate * weightDecay) * parameter
 *       - learningRate * first * firstCorrection / (sqrt(second * secondCorrection) + eps)
 *
 * where firstCorrection = 1 / (1 - beta1^t) and secondCorrection = 1 / (1 - beta2^t) are given to the run.
 */
export const adamwStep: Operator<
  {
    /** Any shape. */
    parameter: Value;
    /** The parameter's shape: the new first moment. */
    first: Value;
    /** The parameter's shape: the new second moment. */
    second: Value;
    /** [1] */
    learningRate: Value;
    /** [1] */
    firstCorrection: Value;
    /** [1] */
    secondCorrection: Value;
    /** [1]; 1 if left out. */
    condition?: Value;
  },
  { readonly weightDecay: number; readonly eps: number }
> = {
  name: "adamw_step",
  shape({ learningRate, firstCorrection, secondCorrection, ...tensors }) {
    const scalars = { learningRate, firstCorrection, secondCorrection };
    Object.entries(scalars).forEach(([name, { shape }]) => expectShape(name, shape, [1]));
    return sameShapes(tensors);
  },
};

/** The sum of the squares of all elements: any shape -> [1]. */
export const sumSquares: Operator<{ x: Value }, Record<never, never>> = { name: "sum_squares", shape: () => [1] };

/** min(1, maxNorm / (sqrt(squares) + 1e-6)), torch.nn.utils.clip_grad_norm_'s factor for a squared norm; [1] -> [1]. */
export const clipFactor: Operator<{ squares: Value }, { readonly maxNorm: number }> = {
  name: "clip_factor",
  shape({ squares }) {
    expectShape("squares", squares.shape, [1]);
    return [1];
  },
};

function sameShapes({ parameter, condition, ...others }: { parameter: Value } & Record<string, Value | undefined>) {
  expectOptional("condition", condition, [1]);
  Object.entries(others).forEach(([name, value]) => expectOptional(name, value, parameter.shape));
  return parameter.shape;
}
