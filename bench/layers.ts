/** Times single convolutions of ResNet and MobileNetV2, and on WebGPU their gradients. */

import { Graph, type Shape, size, type Value } from "../src/graph/graph.ts";
import { conv2d } from "../src/graph/ops/conv2d.ts";
import { conv2dInputGrad, conv2dWeightGrad } from "../src/graph/ops/convolution_grad.ts";
import type { Pair } from "../src/graph/ops/shared.ts";
import type { Arena } from "./arena.ts";
import { countMadds, noise } from "./networks.ts";
import type { Row, Selection, Work } from "./rows.ts";

/** A square convolution. Its padding keeps the size if the stride is 1. */
interface Layer {
  readonly k: number;
  readonly cin: number;
  readonly cout: number;
  /** Height and width of the input. */
  readonly extent: number;
  readonly stride?: number;
  /** Whether the convolution is depthwise. */
  readonly depthwise?: boolean;
}

const LAYERS: readonly Layer[] = [
  { k: 3, cin: 64, cout: 64, extent: 56 },
  { k: 3, cin: 128, cout: 128, extent: 28 },
  { k: 3, cin: 256, cout: 256, extent: 14 },
  { k: 3, cin: 512, cout: 512, extent: 7 },
  { k: 3, cin: 128, cout: 256, extent: 28, stride: 2 },
  { k: 1, cin: 64, cout: 256, extent: 56 },
  { k: 1, cin: 256, cout: 1024, extent: 14 },
  { k: 1, cin: 1024, cout: 256, extent: 14 },
  { k: 1, cin: 512, cout: 2048, extent: 7 },
  { k: 7, cin: 3, cout: 64, extent: 224, stride: 2 },
  { k: 3, cin: 144, cout: 144, extent: 56, depthwise: true },
  { k: 3, cin: 384, cout: 384, extent: 14, depthwise: true },
];

/** The work that is timed for a layer, and on which devices. */
const PARTS: readonly {
  work: Work;
  graph: (layer: Layer, batch: number) => Graph;
  devices: readonly Row["device"][];
}[] = [
  { work: "layer", graph: forwardGraph, devices: ["webgpu", "cpu"] },
  { work: "layer input gradient", graph: inputGradientGraph, devices: ["webgpu"] },
  { work: "layer weight gradient", graph: weightGradientGraph, devices: ["webgpu"] },
];

/** Measures the rows one after the other. */
export async function* layerRows(arena: Arena, selection: Selection): AsyncGenerator<Row> {
  const { only = "", batches = [1, 8], devices: chosen = ["webgpu", "cpu"] } = selection;
  for (const layer of LAYERS.filter((each) => nameOf(each).includes(only))) {
    for (const { work, graph: make, devices } of PARTS) {
      for (const batch of batches) {
        for (const device of devices.filter((each) => chosen.includes(each))) {
          const graph = make(layer, batch);
          const model = nameOf(layer);
          const task = { name: `${work} ${model} batch ${batch}`, graph, kernelsOnly: true };
          const { ms, ceilingGflops } = await arena.time(device, task);
          const peers = work === "layer" ? await arena.timePeers(device, task, { ms, batch }) : {};
          const gflops = 2 * countMadds(graph) / ms / 1e6;
          yield { work, model, kernelNum: 1, batch, device, ms, gflops, ceilingGflops, peers };
        }
      }
    }
  }
}

/** "3x3/2 128-256 28": window, stride, channels, input size. */
function nameOf({ k, cin, cout, extent, stride = 1, depthwise }: Layer): string {
  const window = `${k}x${k}${stride > 1 ? `/${stride}` : ""}`;
  return `${window} ${depthwise ? `depthwise ${cin}` : `${cin}-${cout}`} ${extent}`;
}

function attributesOf({ k, cin, stride = 1, depthwise }: Layer) {
  const both = (n: number): Pair => [n, n];
  return { stride: both(stride), padding: both(k >> 1), dilation: both(1), groups: depthwise ? cin : 1 };
}

const inputShape = ({ cin, extent }: Layer, batch: number): Shape => [batch, cin, extent, extent];
const weightShape = ({ k, cin, cout, depthwise }: Layer): Shape => [cout, depthwise ? 1 : cin, k, k];

function outputShape({ cout, extent, stride = 1 }: Layer, batch: number): Shape {
  return [batch, cout, Math.ceil(extent / stride), Math.ceil(extent / stride)];
}

/** Small, so that sums are of order one. */
function weightOf(graph: Graph, layer: Layer): Value {
  const shape = weightShape(layer);
  const scale = size(shape.slice(1)) ** -0.5;
  return graph.parameter("weight", shape, () => Promise.resolve(noise(size(shape)).map((v) => v * scale)));
}

function forwardGraph(layer: Layer, batch: number): Graph {
  const graph = new Graph();
  const x = graph.input("x", inputShape(layer, batch));
  const attributes = { ...attributesOf(layer), activation: "none" } as const;
  graph.output("y", graph.apply(conv2d, "layer", { x, weight: weightOf(graph, layer) }, attributes));
  return graph;
}

function inputGradientGraph(layer: Layer, batch: number): Graph {
  const graph = new Graph();
  const gradient = graph.input("gradient", outputShape(layer, batch));
  const attributes = { ...attributesOf(layer), inputSize: [layer.extent, layer.extent] as const };
  const operands = { gradient, weight: weightOf(graph, layer) };
  graph.output("y", graph.apply(conv2dInputGrad, "layer", operands, attributes));
  return graph;
}

function weightGradientGraph(layer: Layer, batch: number): Graph {
  const graph = new Graph();
  const x = graph.input("x", inputShape(layer, batch));
  const gradient = graph.input("gradient", outputShape(layer, batch));
  const attributes = { ...attributesOf(layer), weightShape: weightShape(layer) };
  graph.output("y", graph.apply(conv2dWeightGrad, "layer", { x, gradient }, attributes));
  return graph;
}
