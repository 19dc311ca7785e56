/**
 * Runs a model on images and records the attentions, the activations of its layers and the times.
 *
 * @module
 */

import type { Backend, Executable, Tensors } from "../../src/graph/backend.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import { linear } from "../../src/graph/ops/linear.ts";
import { optimizeForInference } from "../../src/graph/passes/mod.ts";
import type { WebGpuExecutable } from "../../src/webgpu/run/executable.ts";
import { type AttentionName, attentionOutputs, type DynamicLayer } from "../../src/models/model/attention.ts";
import type { Model } from "../../src/models/model/model.ts";
import { type StageTime, timesByStage } from "../../src/models/architectures/stages.ts";
import { costsOf, type Total, totalsBy } from "../../src/webgpu/profiler/cost.ts";
import { type Statistics, statisticsOf } from "./statistics.ts";

/** The attentions of one layer for one image. Attentions that the layer does not have are absent. */
export type LayerAttentions = { readonly [A in AttentionName]?: Float32Array };

/** Statistics of a layer's output for one image. */
export interface Activation extends Statistics {
  /** Path of the layer: "layer1.0.conv1". */
  readonly layer: string;
  /** [C, H, W], or [C] for a classifier. */
  readonly shape: readonly number[];
}

/** The recorded values of one image. */
export interface Seen {
  /** Raw outputs, one per class, as `classify` computes them. */
  readonly logits: Float32Array;
  /** By layer. */
  readonly attentions: ReadonlyMap<string, LayerAttentions>;
  /** In the order in which the layers run. */
  readonly activations: readonly Activation[];
}

/** The times of one run. */
export interface Times {
  /** Wall time of a run without recording, in milliseconds: the median of several runs. */
  readonly run: number;
  /** The device's own times, if it can time single kernels. */
  readonly profile?: {
    readonly stages: readonly StageTime[];
    readonly layers: readonly Total[];
    readonly kernels: readonly Total[];
  };
}

/** All data of a report. */
export interface Observation {
  /** ODConv layers, in order. */
  readonly layers: readonly DynamicLayer[];
  readonly seen: readonly Seen[];
  readonly times: Times;
}

const RUNS = 5;

/**
 * Runs a model on `images`, its normalised inputs of [3, H, W] each. The attentions are at `model.temperature`. Throws
 * DeviceError if the model does not fit.
 */
export async function observe(
  model: Model,
  backend: Backend,
  images: readonly Float32Array<ArrayBuffer>[],
): Promise<Observation> {
  const plain = await withExecutable(backend, model.graph(), async (executable, graph) => {
    const logits: Float32Array[] = [];
    for (const image of images) logits.push((await executable.run({ x: image })).logits);
    return { logits, times: await timesOf(backend, graph, executable, { x: images[0] }) };
  });
  const traced = model.trace();
  const layers = attentionOutputs(traced);
  const graph = optimizeForInference(traced);
  const watched = activationOutputs(graph);
  const seen = await withExecutable(backend, graph, async (executable) => {
    const all: Seen[] = [];
    for (const [i, image] of images.entries()) {
      const outputs = await executable.run({ x: image });
      all.push({
        logits: plain.logits[i],
        attentions: new Map(layers.map((layer) => [layer.name, attentionsOf(layer, outputs)])),
        activations: watched.map(({ layer, shape, output }) => ({ layer, shape, ...statisticsOf(outputs[output]) })),
      });
    }
    return all;
  });
  return { layers, seen, times: plain.times };
}

async function withExecutable<T>(
  backend: Backend,
  graph: Graph,
  work: (executable: Executable, graph: Graph) => Promise<T>,
): Promise<T> {
  const executable = await backend.compile(graph);
  try {
    return await work(executable, graph);
  } finally {
    executable.dispose();
  }
}

/**
 * Adds outputs to an optimized graph: the results of convolutions and linear layers, with all that is fused into them.
 */
function activationOutputs(graph: Graph): { layer: string; shape: readonly number[]; output: string }[] {
  const isLayer = ({ op, name }: Graph["nodes"][number]) =>
    [conv2d, dynamicConv2d, linear].some((kind) => kind === op) && !name.includes(".attention");
  return graph.nodes.filter(isLayer).map(({ name, output: value }) => {
    const output = `${name}.activation`;
    graph.output(output, value);
    return { layer: name, shape: value.shape.slice(1), output };
  });
}

function attentionsOf({ outputs }: DynamicLayer, answer: Tensors): LayerAttentions {
  return Object.fromEntries(Object.entries(outputs).map(([attention, output]) => [attention, answer[output]]));
}

async function timesOf(backend: Backend, graph: Graph, executable: Executable, inputs: Tensors): Promise<Times> {
  const runs: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const began = performance.now();
    await executable.run(inputs);
    runs.push(performance.now() - began);
  }
  const run = runs.sort((a, b) => a - b)[RUNS >> 1];
  if (backend.name !== "webgpu") return { run };
  const gpu = executable as WebGpuExecutable;
  const costs = costsOf(gpu.plan, await gpu.profile(inputs));
  const stages = timesByStage(costs, graph.inputs);
  return { run, profile: { stages, layers: totalsBy("node", costs), kernels: totalsBy("kernel", costs) } };
}
