/**
 * The arithmetic of optimizers; equations in src/graph/ops/optimizer_step.ts.
 *
 * @module
 */

import type { AttributesOf, OperandsOf } from "../../graph/graph.ts";
import type {
  adamwStep as adamwStepOperator,
  clipFactor as clipFactorOperator,
  sgdStep as sgdStepOperator,
  sgdVelocity as sgdVelocityOperator,
  squaredAverage as squaredAverageOperator,
} from "../../graph/ops/optimizer_step.ts";
import type { Kernel } from "../planner.ts";
import { elementwise } from "./elementwise.ts";

/** momentum * velocity + gradient + weightDecay * parameter. */
export const sgdVelocity: Kernel = (node, context) => {
  const { momentum, weightDecay } = node.attributes as AttributesOf<typeof sgdVelocityOperator>;
  const operands = node.operands as OperandsOf<typeof sgdVelocityOperator>;
  const expression = "u.momentum * velocity(i) + gradient(i) + u.weight_decay * parameter(i)";
  elementwise(node, context, operands, expression, { momentum, weight_decay: weightDecay });
};

/** parameter - learningRate * direction. */
export const sgdStep: Kernel = (node, context) => {
  const { momentum, weightDecay, nesterov } = node.attributes as AttributesOf<typeof sgdStepOperator>;
  const { parameter, gradient, velocity, learningRate } = node.operands as OperandsOf<typeof sgdStepOperator>;
  const decayed = "gradient(i) + u.weight_decay * parameter(i)";
  const direction = !velocity ? decayed : nesterov ? `${decayed} + u.momentum * velocity(i)` : "velocity(i)";
  const operands = { parameter, gradient: velocity && !nesterov ? undefined : gradient, velocity, rate: learningRate };
  const floats = { momentum, weight_decay: weightDecay };
  elementwise(node, context, operands, `parameter(i) - rate(0u).x * (${direction})`, floats);
};

/** beta * moment + (1 - beta) * gradient^2. */
export const squaredAverage: Kernel = (node, context) => {
  const { beta } = node.attributes as AttributesOf<typeof squaredAverageOperator>;
  const operands = node.operands as OperandsOf<typeof squaredAverageOperator>;
  const expression = "u.kept * moment(i) + u.added * gradient(i) * gradient(i)";
  elementwise(node, context, operands, expression, { kept: beta, added: 1 - beta });
};

/** Decoupled weight decay, then Adam's step. */
export const adamwStep: Kernel = (node, context) => {
  const { weightDecay, eps } = node.attributes as AttributesOf<typeof adamwStepOperator>;
  const { parameter, first, second, learningRate, firstCorrection, secondCorrection } = node
    .operands as OperandsOf<typeof adamwStepOperator>;
  const operands = { parameter, moment: first, second, rate: learningRate, firstCorrection, secondCorrection };
  const step = "moment(i) * firstCorrection(0u).x / (sqrt(second(i) * secondCorrection(0u).x) + u.eps)";
  const expression = `(1.0 - rate(0u).x * u.weight_decay) * parameter(i) - rate(0u).x * ${step}`;
  elementwise(node, context, operands, expression, { weight_decay: weightDecay, eps });
};

/** min(1, maxNorm / (sqrt(squares) + 1e-6)). */
export const clipFactor: Kernel = (node, context) => {
  const { maxNorm } = node.attributes as { maxNorm: number };
  const operands = node.operands as OperandsOf<typeof clipFactorOperator>;
  const expression = "min(vec4f(1.0), vec4f(u.max_norm) / (sqrt(squares(i)) + 1.0e-6))";
  elementwise(node, context, operands, expression, { max_norm: maxNorm });
};
