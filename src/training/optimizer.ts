/**
 * Optimizers as part of the training graph. For each parameter, an optimizer appends the nodes that compute the
 * parameter's new value from its gradient. Numbers that change from step to step are inputs of the graph.
 *
 * @module
 */

import type { Tensors } from "../graph/backend.ts";
import { type Graph, size, type Value } from "../graph/graph.ts";
import { runningAverage } from "../graph/ops/batch_norm_train.ts";
import { add } from "../graph/ops/elementwise.ts";
import {
  adamwStep,
  clipFactor,
  sgdStep,
  sgdVelocity,
  squaredAverage,
  sumSquares,
} from "../graph/ops/optimizer_step.ts";
import { scale } from "../graph/ops/reductions.ts";
import { ArgumentError } from "../errors.ts";
import { ABOVE_ZERO, checkNumber, FROM_ZERO, SHARE } from "../arguments.ts";

/**
 * Loads a tensor of the optimizer's state for a parameter. It has the parameter's shape. States have PyTorch's names,
 * such as "momentum_buffer".
 */
export type LoadState = (parameter: string, state: string) => Promise<Float32Array<ArrayBuffer>> | undefined;

/** Options of an update. */
export interface UpdateOptions {
  /** Loads the initial state. If left out, the state starts at zero. */
  readonly load?: LoadState;
  /** A condition, [1]. If it is 0 in a run, neither the parameter nor the state changes. */
  readonly condition?: Value;
}

/** A rule for updating parameters. */
export interface Optimizer {
  /** PyTorch's names of the states that are kept for every parameter. */
  readonly state: readonly string[];
  /**
   * Appends the update of one parameter. After a run the parameter holds its new value, and the graph's parameters
   * `stateName(parameter.name, state)` hold the optimizer's state.
   */
  append(graph: Graph, parameter: Value, gradient: Value, options?: UpdateOptions): void;
  /** Returns the optimizer's inputs of the run that makes the `step`-th update, counted from 1. */
  inputs(step: number, learningRate: number): Tensors;
}

/** Options with the meaning of torch.optim.SGD's. */
export interface SgdOptions {
  /** Momentum. With 0, no state is needed. @default 0.9 */
  readonly momentum?: number;
  /** Weight decay. @default 0 */
  readonly weightDecay?: number;
  /** Nesterov momentum. @default false */
  readonly nesterov?: boolean;
}

/** Options with the meaning of torch.optim.AdamW's. */
export interface AdamWOptions {
  /** Decay rates of the two moments. @default [0.9, 0.999] */
  readonly betas?: readonly [number, number];
  /** Added to the denominator. @default 1e-8 */
  readonly eps?: number;
  /** Weight decay. @default 0.01 */
  readonly weightDecay?: number;
}

/** Returns the name of the graph's parameter that holds an optimizer state. PyTorch's names contain no "/". */
export function stateName(parameter: string, state: string): string {
  return `${parameter}/${state}`;
}

/**
 * Returns torch.optim.SGD, without dampening.
 *
 * @throws {ArgumentError} if momentum or weight decay is negative or not finite, or nesterov is set without momentum.
 */
export function sgd({ momentum = 0.9, weightDecay = 0, nesterov = false }: SgdOptions = {}): Optimizer {
  checkNumber("momentum", momentum, FROM_ZERO);
  checkNumber("weightDecay", weightDecay, FROM_ZERO);
  if (nesterov && momentum === 0) throw new ArgumentError("nesterov needs a momentum above 0");
  return {
    state: momentum ? ["momentum_buffer"] : [],
    append(graph, parameter, gradient, { load, condition } = {}) {
      const { name } = parameter;
      let velocity: Value | undefined;
      if (momentum) {
        const memory = remember(graph, parameter, "momentum_buffer", load);
        const operands = { parameter, gradient, velocity: memory, condition };
        velocity = graph.apply(sgdVelocity, name, operands, { momentum, weightDecay });
        graph.update(memory, velocity);
      }
      const operands = { parameter, gradient, velocity, learningRate: scalar(graph, "learning_rate"), condition };
      graph.update(parameter, graph.apply(sgdStep, name, operands, { momentum, weightDecay, nesterov }));
    },
    inputs: (_, learningRate) => ({ learning_rate: Float32Array.of(learningRate) }),
  };
}

/**
 * Returns torch.optim.AdamW.
 *
 * @throws {ArgumentError} if a beta is not in [0, 1), or if eps or weight decay is negative or not finite.
 */
export function adamW({ betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 }: AdamWOptions = {}): Optimizer {
  betas.forEach((beta, i) => checkNumber(`betas[${i}]`, beta, SHARE));
  checkNumber("eps", eps, FROM_ZERO);
  checkNumber("weightDecay", weightDecay, FROM_ZERO);
  return {
    state: ["exp_avg", "exp_avg_sq"],
    append(graph, parameter, gradient, { load, condition } = {}) {
      const { name } = parameter;
      const running = remember(graph, parameter, "exp_avg", load);
      const first = graph.apply(runningAverage, name, { running, batch: gradient, condition }, {
        momentum: 1 - betas[0],
        correction: 1,
      });
      const moment = remember(graph, parameter, "exp_avg_sq", load);
      const second = graph.apply(squaredAverage, name, { moment, gradient, condition }, { beta: betas[1] });
      const operands = {
        parameter,
        first,
        second,
        learningRate: scalar(graph, "learning_rate"),
        firstCorrection: scalar(graph, "first_correction"),
        secondCorrection: scalar(graph, "second_correction"),
        condition,
      };
      graph.update(running, first);
      graph.update(moment, second);
      graph.update(parameter, graph.apply(adamwStep, name, operands, { weightDecay, eps }));
    },
    inputs: (step, learningRate) => ({
      learning_rate: Float32Array.of(learningRate),
      first_correction: Float32Array.of(1 / (1 - betas[0] ** step)),
      second_correction: Float32Array.of(1 / (1 - betas[1] ** step)),
    }),
  };
}

/**
 * Clips gradients as torch.nn.utils.clip_grad_norm_ does: scales all of them down together if their joint L2 norm
 * exceeds `maxNorm`.
 *
 * @returns The clipped gradients, and the squared norm before clipping, [1].
 * @throws {ArgumentError} if `maxNorm` is not a finite number above 0.
 */
export function clipGradients(
  graph: Graph,
  gradients: ReadonlyMap<Value, Value>,
  maxNorm: number,
): { gradients: Map<Value, Value>; squaredNorm: Value } {
  checkNumber("maxNorm", maxNorm, ABOVE_ZERO);
  const squares = [...gradients.values()].map((x) => graph.apply(sumSquares, x.name, { x }, {}));
  const squaredNorm = squares.reduce((a, b) => graph.apply(add, "gradient norm", { a, b }, {}));
  const factor = graph.apply(clipFactor, "gradient norm", { squares: squaredNorm }, { maxNorm });
  const clipped = [...gradients].map(([parameter, x]): [Value, Value] => {
    return [parameter, graph.apply(scale, parameter.name, { x, factor }, {})];
  });
  return { gradients: new Map(clipped), squaredNorm };
}

/**
 * Keeps an exponential moving average of a parameter, decay * average + (1 - decay) * value, in the graph's parameter
 * `stateName(parameter.name, "average")`. It starts from `load`, or else from the parameter's own value. Call this
 * after the optimizer has appended the parameter's update.
 */
export function appendAverage(
  graph: Graph,
  parameter: Value,
  decay: number,
  { load, condition }: UpdateOptions = {},
): void {
  checkNumber("decay", decay, SHARE);
  const value = graph.updates.get(parameter);
  if (!value) throw new Error(`${parameter.name} is not updated: append its optimizer first`);
  const running = remember(graph, parameter, "average", load, () => {
    return parameter.source.kind === "parameter" ? parameter.source.load() : zeros(parameter);
  });
  const attributes = { momentum: 1 - decay, correction: 1 };
  graph.update(running, graph.apply(runningAverage, parameter.name, { running, batch: value, condition }, attributes));
}

function zeros({ shape }: Value): Promise<Float32Array<ArrayBuffer>> {
  return Promise.resolve(new Float32Array(size(shape)));
}

function remember(
  graph: Graph,
  parameter: Value,
  state: string,
  load?: LoadState,
  initial: () => Promise<Float32Array<ArrayBuffer>> = () => zeros(parameter),
): Value {
  const { name, shape } = parameter;
  return graph.parameter(stateName(name, state), shape, () => load?.(name, state) ?? initial());
}

/** Declares an input [1] that every run must provide. */
function scalar(graph: Graph, name: string): Value {
  return graph.inputs.get(name) ?? graph.input(name, [1]);
}
