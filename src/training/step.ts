/**
 * One training step as one graph: forward pass, loss, gradients, the optimizer's updates. It is compiled once; learning
 * rate, temperature and whatever else changes from step to step are inputs.
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

/** What a training step does. */
export interface TrainingStepOptions extends Pick<TraceOptions, "frozenStatistics"> {
  /** Turns gradients into updates. */
  readonly optimizer: Optimizer;
  /**
   * The loss, one number, from the logits; it may declare inputs of its own. Left out: cross-entropy with the input "labels"
   * [B], class numbers.
   */
  readonly loss?: (graph: Graph, logits: Value) => Value;
  /** Of the cross-entropy: the share of the target that is spread over all classes; 0 if left out. */
  readonly labelSmoothing?: number;
  /** Which parameters are trained, by name; all if left out. What is frozen costs no backward pass. */
  readonly trainable?: (name: string) => boolean;
  /** Largest joint L2 norm of the gradients; they are not clipped if left out. */
  readonly clipNorm?: number;
  /** Keeps an exponential moving average of the trained parameters with this decay; none if left out. */
  readonly averageDecay?: number;
  /** Whether a step may come in parts of equal size, whose gradients add up; false if left out. */
  readonly parts?: boolean;
  /**
   * More outputs of every run, by name: an input, a parameter or a layer ("layer1.0"), whose value is what it computes
   * last; or with ".grad" behind the name, the gradient of the loss to it.
   */
  readonly watch?: readonly string[];
}

/** State that is only alive within a step: the gradients of the parts so far. */
export const ACCUMULATED = "accumulated";

/**
 * The graph of a training step of a module on x of the given shape [B, C, H, W]. Inputs: "x" [B, C, H, W], "labels" [B]
 * or the loss's own, "loss_weight" [1] (1 where not given; a run of weight 0 updates nothing), the optimizer's, the
 * model's ("temperature", "dropout_seed", "dropout_step"), and in parts "keep" and "apply" [1]: whether gradients of
 * earlier parts count, and whether this part ends the step. Outputs: "loss", "logits", what is watched, and "check".
 *
 * A run whose check is not finite updates nothing: it is the sum of the loss and of the means of all batch norms. Kernels
 * let NaN pass, but shader compilers may take for granted that there is none, and an activation then makes 0 of it. Throws
 * ShapeError where a watched name is none of the graph's.
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

/** The forward pass of a training step, with its outputs "logits" and "loss"; see {@link trainingStep}. */
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

/** The values of the parameters that are trained, in the state dict's order. */
function trainedParameters(module: Module, graph: Graph, { trainable = () => true }: TrainingStepOptions): Value[] {
  const names = [...module.namedParameters()].filter(([name]) => trainable(name));
  return names.flatMap(([name]) => graph.parameters.get(name) ?? []);
}

/** Replaces gradients by their sums over the parts so far, which the graph keeps from run to run. */
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

/** Numbers, [1], that are 0 where updates must not happen: `ends` those of parameters, which also wait for a step's last part. */
interface Conditions {
  readonly finite?: Value;
  readonly ends?: Value;
}

/** The conditions of a graph whose check is appended here; none where nothing is trained. */
function conditions(graph: Graph, loss: Value, parts: boolean): Conditions {
  const weight = graph.inputs.get("loss_weight");
  if (!weight) return {};
  const means = statistics(graph).filter(([{ name }]) => name.endsWith("running_mean"));
  const x = sumOfAll(graph, [loss, ...means.map(([, { operands }]) => operands.batch)]);
  graph.output("check", x);
  const finite = graph.apply(gate, "check", { open: weight, x }, {});
  return { finite, ends: parts ? graph.apply(gate, "check", { open: graph.input("apply", [1]), x }, {}) : finite };
}

/** The running statistics and what computes their new values. */
function statistics(graph: Graph): [Value, Node<typeof runningAverage>][] {
  return [...graph.updates].flatMap(([parameter, { source }]) =>
    source.kind === "node" && source.node.op === runningAverage ? [[parameter, source.node]] : []
  );
}

/** The sum of all elements of all values, [1]. */
function sumOfAll(graph: Graph, values: readonly Value[]): Value {
  if (values.length === 1) return values[0];
  const sums: Value[] = [];
  for (let first = 0; first < values.length; first += MOST_TOTALLED) {
    const operands = Object.fromEntries(values.slice(first, first + MOST_TOTALLED).map((v, i) => [`x${i}`, v]));
    sums.push(graph.apply(total, "check", operands, {}));
  }
  return sumOfAll(graph, sums);
}

/** Lets running statistics move only under a condition. */
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
