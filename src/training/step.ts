/**
 * Builds one training step as one graph: forward pass, loss, gradients and optimizer updates. The graph is compiled
 * once. The learning rate, the temperature and everything else that changes from step to step are inputs.
 *
 * @module
 */

import { ShapeError } from "../errors.ts";
import { appendGradients } from "../graph/autodiff.ts";
import { type Graph, type Node, size, type Value } from "../graph/graph.ts";
import { runningAverage } from "../graph/ops/batch_norm_train.ts";
import { crossEntropy } from "../graph/ops/cross_entropy.ts";
import { accumulate, gate } from "../graph/ops/gate.ts";
import { MOST_TOTALLED, total } from "../graph/ops/reductions.ts";
import { fuseMixing } from "../graph/passes/fuse_mixing.ts";
import { removeDeadNodes } from "../graph/passes/rewrite.ts";
import { type Module, traceModule, type TraceOptions } from "../nn/module.ts";
import { appendAverage, clipGradients, type LoadState, type Optimizer, stateName } from "./optimizer.ts";

/** Options of a training step. */
export interface TrainingStepOptions extends Pick<TraceOptions, "frozenStatistics"> {
  /** The optimizer that turns gradients into updates. */
  readonly optimizer: Optimizer;
  /**
   * Computes the loss, one number, from the logits. It may declare its own inputs. @default cross-entropy with the
   * input "labels" [B], class numbers
   */
  readonly loss?: (graph: Graph, logits: Value) => Value;
  /** Label smoothing of the cross-entropy: the share of the target that is spread over all classes. @default 0 */
  readonly labelSmoothing?: number;
  /** Selects the parameters to train, by name. Frozen parameters cost no backward pass. @default all */
  readonly trainable?: (name: string) => boolean;
  /** Largest joint L2 norm of the gradients. If left out, gradients are not clipped. */
  readonly clipNorm?: number;
  /** Decay of an exponential moving average of the trained parameters. If left out, no average is kept. */
  readonly averageDecay?: number;
  /** If true, a step may be run in parts of equal size, whose gradients add up. @default false */
  readonly parts?: boolean;
  /**
   * Names of additional outputs of every run: an input, a parameter or a layer ("layer1.0"). A layer stands for its
   * last computed value. With ".grad" after the name, the output is the gradient of the loss with respect to it.
   */
  readonly watch?: readonly string[];
}

/** State that exists only within a step: the sum of the gradients of the parts so far. */
export const ACCUMULATED = "accumulated";

/**
 * Returns the graph of a training step of a module, on x of the given shape [B, C, H, W].
 *
 * Inputs:
 * - "x" [B, C, H, W], and "labels" [B] or the inputs of a custom loss;
 * - "loss_weight" [1], 1 if not given; a run with weight 0 updates nothing;
 * - the inputs of the optimizer;
 * - the inputs of the model: "temperature", "dropout_seed", "dropout_step";
 * - with parts, "keep" [1], whether gradients of earlier parts count, and "apply" [1], whether this part ends the step.
 *
 * Outputs: "loss", "logits", the watched values, and "check". The check is the sum of the loss and the means of all
 * batch norms. If it is not finite, the run updates nothing. The loss alone is not enough: kernels propagate NaN, but
 * shader compilers may assume that there is no NaN, and an activation then turns NaN into 0.
 *
 * Throws ShapeError if the graph has no value with a watched name.
 */
export function trainingStep(
  module: Module,
  shape: readonly number[],
  options: TrainingStepOptions,
  load?: LoadState,
): Graph {
  const { optimizer, clipNorm, averageDecay, parts = false, watch = [] } = options;
  const { graph, loss } = trainingForward(module, shape, options);

  const named = new Map(watch.map((name) => [name, findValue(graph, name.replace(/\.grad$/, ""))]));
  const parameters = trainedParameters(module, graph, options);
  const withGradient = watch.filter((name) => name.endsWith(".grad")).map((name) => named.get(name)!);
  const all = appendGradients(graph, loss, [...new Set([...parameters, ...withGradient])]);
  let gradients = new Map(parameters.flatMap((p) => all.has(p) ? [[p, all.get(p)!]] : []));

  if (parts) gradients = accumulated(graph, gradients);
  for (const [name, value] of named) {
    const answer = name.endsWith(".grad") ? gradients.get(value) ?? all.get(value) : value;
    if (!answer) throw new ShapeError(`${name}: the loss does not depend on it`);
    graph.output(name, answer);
  }
  if (clipNorm !== undefined) gradients = clipGradients(graph, gradients, clipNorm).gradients;
  const { finite, ends } = conditions(graph, loss, parts);
  if (finite) guardStatistics(graph, finite);
  for (const [parameter, gradient] of gradients) {
    optimizer.append(graph, parameter, gradient, { load, condition: ends });
    if (averageDecay !== undefined) appendAverage(graph, parameter, averageDecay, { load, condition: ends });
  }
  return removeDeadNodes(graph);
}

/** Builds the forward pass of a training step, with the outputs "logits" and "loss". See {@link trainingStep}. */
export function trainingForward(
  module: Module,
  shape: readonly number[],
  { frozenStatistics, loss: custom, labelSmoothing = 0 }: TrainingStepOptions,
): { graph: Graph; loss: Value } {
  const graph = fuseMixing(traceModule(module, shape, { training: true, frozenStatistics }));
  const logits = graph.outputs.get("logits")!;
  const usual = () => {
    const labels = graph.input("labels", [logits.shape[0]]);
    return graph.apply(crossEntropy, "loss", { logits, labels }, { labelSmoothing });
  };
  const loss = custom ? custom(graph, logits) : usual();
  graph.output("loss", loss);
  return { graph, loss };
}

/** Returns the values of the trained parameters, in the state dict's order. */
function trainedParameters(module: Module, graph: Graph, { trainable = () => true }: TrainingStepOptions): Value[] {
  const names = [...module.namedParameters()].filter(([name]) => trainable(name));
  return names.flatMap(([name]) => graph.parameters.get(name) ?? []);
}

/** Replaces each gradient by its sum over the parts so far. The graph keeps the sums from run to run. */
function accumulated(graph: Graph, gradients: ReadonlyMap<Value, Value>): Map<Value, Value> {
  const keep = graph.input("keep", [1]);
  return new Map([...gradients].map(([parameter, gradient]): [Value, Value] => {
    const { name, shape } = parameter;
    const zeros = () => Promise.resolve(new Float32Array(size(shape)));
    const total = graph.parameter(stateName(name, ACCUMULATED), shape, zeros);
    const sums = graph.apply(accumulate, name, { total, gradient, keep }, {});
    graph.update(total, sums);
    return [parameter, sums];
  }));
}

/**
 * Numbers [1] that are 0 if updates must not happen. `finite` is for running statistics. `ends` is for parameters: it
 * is also 0 before the last part of a step.
 */
interface Conditions {
  readonly finite?: Value;
  readonly ends?: Value;
}

/** Appends the check to the graph and returns its conditions. Returns none if nothing is trained. */
function conditions(graph: Graph, loss: Value, parts: boolean): Conditions {
  const weight = graph.inputs.get("loss_weight");
  if (!weight) return {};
  const means = statistics(graph).filter(([{ name }]) => name.endsWith("running_mean"));
  const x = sumOfAll(graph, [loss, ...means.map(([, { operands }]) => operands.batch)]);
  graph.output("check", x);
  const finite = graph.apply(gate, "check", { open: weight, x }, {});
  return { finite, ends: parts ? graph.apply(gate, "check", { open: graph.input("apply", [1]), x }, {}) : finite };
}

/** Returns the running statistics, each with the node that computes its new value. */
function statistics(graph: Graph): [Value, Node<typeof runningAverage>][] {
  return [...graph.updates].flatMap(([parameter, { source }]) =>
    source.kind === "node" && source.node.op === runningAverage ? [[parameter, source.node]] : []
  );
}

/** Returns the sum of all elements of all values, [1]. */
function sumOfAll(graph: Graph, values: readonly Value[]): Value {
  if (values.length === 1) return values[0];
  const sums: Value[] = [];
  for (let first = 0; first < values.length; first += MOST_TOTALLED) {
    const operands = Object.fromEntries(values.slice(first, first + MOST_TOTALLED).map((v, i) => [`x${i}`, v]));
    sums.push(graph.apply(total, "check", operands, {}));
  }
  return sumOfAll(graph, sums);
}

/** Makes the updates of running statistics depend on a condition. */
function guardStatistics(graph: Graph, condition: Value): void {
  for (const [parameter, { name, operands, attributes }] of statistics(graph)) {
    graph.update(parameter, graph.apply(runningAverage, name, { ...operands, condition }, attributes));
  }
}

function findValue(graph: Graph, name: string): Value {
  const leaf = graph.parameters.get(name) ?? graph.inputs.get(name);
  const value = leaf ?? graph.nodes.findLast((node) => node.name === name)?.output;
  if (!value) throw new ShapeError(`nothing in the graph is called "${name}": name a layer, a parameter or an input`);
  return value;
}
