/**
 * Exports a graph as an ONNX model, so that ONNX runtimes can be timed on the graphs of this project. Each inference
 * operator has a rule. An activation in an epilogue becomes a node after its operator's node.
 *
 * @module
 */

import { ShapeError } from "../../src/errors.ts";
import { type Graph, type Node, presentOperands, type Value } from "../../src/graph/graph.ts";
import type { conv2d } from "../../src/graph/ops/conv2d.ts";
import type { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import type { padChannels } from "../../src/graph/ops/layout.ts";
import type { linear } from "../../src/graph/ops/linear.ts";
import type { Activation, ConvolutionAttributes, Pair, PoolAttributes } from "../../src/graph/ops/shared.ts";
import { type OnnxAttributes, OnnxWriter } from "./writer.ts";

/** Names of a node's operands in the ONNX model. Absent operands are absent. */
type Names = Readonly<Record<string, string>>;

/** Appends the nodes of an operator; returns the name of the result. */
// deno-lint-ignore no-explicit-any -- every rule takes nodes of its own operator
type Rule = (onnx: OnnxWriter, names: any, node: any) => string;

const window = (stride: Pair, padding: Pair) => ({ strides: [...stride], pads: [...padding, ...padding] });
const pool = ({ kernelSize, stride, padding }: PoolAttributes) => ({
  kernel_shape: [...kernelSize],
  ...window(stride, padding),
});

const RULES: Readonly<Record<string, Rule>> = {
  conv2d(onnx, { x, weight, bias, residual }: Names, { attributes }: Node<typeof conv2d>) {
    const inputs = bias ? [x, weight, bias] : [x, weight];
    const y = onnx.node("Conv", inputs, convolution(attributes));
    return activate(onnx, residual ? onnx.node("Add", [y, residual]) : y, attributes.activation);
  },
  dynamic_conv2d: dynamicConvolution,
  linear(onnx, { x, weight, bias, temperature }: Names, node: Node<typeof linear>) {
    const { operands, attributes: { activation }, output } = node;
    const matrix = operands.weight.shape.length > 2
      ? reshape(onnx, weight, [output.shape[1], operands.x.shape[1]])
      : weight;
    const y = onnx.node("Gemm", bias ? [x, matrix, bias] : [x, matrix], { transB: 1 });
    if (activation !== "sigmoid") return activate(onnx, y, activation);
    return onnx.node("Sigmoid", [tempered(onnx, y, temperature)]);
  },
  softmax: (onnx, { x, temperature }: Names) => onnx.node("Softmax", [tempered(onnx, x, temperature)], { axis: 1 }),
  max_pool2d: (onnx, { x }: Names, { attributes }) => onnx.node("MaxPool", [x], pool(attributes)),
  avg_pool2d: (onnx, { x }: Names, { attributes }) =>
    onnx.node("AveragePool", [x], { ...pool(attributes), count_include_pad: 1 }),
  global_avg_pool: (onnx, { x }: Names) => onnx.node("Flatten", [onnx.node("GlobalAveragePool", [x])], { axis: 1 }),
  pad_channels(onnx, { x }: Names, { attributes: { before, after } }: Node<typeof padChannels>) {
    return onnx.node("Pad", [x, onnx.tensor([0, before, 0, 0, 0, after, 0, 0], [8])]);
  },
};

/** Returns whether every operator of the graph has a rule. */
export function expressible(graph: Graph): boolean {
  return graph.nodes.every(({ op }) => op.name in RULES);
}

/**
 * Returns the model, with the graph's names of inputs and outputs. Throws ShapeError for an operator without a rule.
 */
export async function exportOnnx(graph: Graph): Promise<Uint8Array<ArrayBuffer>> {
  const onnx = new OnnxWriter();
  const names = new Map<Value, string>();
  for (const [name, value] of graph.inputs) {
    onnx.input(name, value.shape);
    names.set(value, name);
  }
  for (const node of graph.nodes) {
    for (const value of presentOperands(node)) {
      if (value.source.kind !== "parameter" || names.has(value)) continue;
      names.set(value, onnx.tensor(await value.source.load(), value.shape));
    }
    const rule = RULES[node.op.name];
    if (!rule) throw new ShapeError(`${node.name}: ${node.op.name} has no rule for ONNX; see bench/onnx/export.ts`);
    const operands = Object.entries(node.operands as Record<string, Value | undefined>)
      .flatMap(([name, value]) => value ? [[name, names.get(value)!]] : []);
    names.set(node.output, rule(onnx, Object.fromEntries(operands), node));
  }
  for (const [name, value] of graph.outputs) {
    onnx.node("Identity", [names.get(value)!], {}, name);
    onnx.output(name, value.shape);
  }
  return onnx.finish();
}

/**
 * As in the published PyTorch code, which ONNX can express: each sample's kernel is mixed, and the batch becomes the
 * groups of one convolution.
 */
function dynamicConvolution(onnx: OnnxWriter, names: Names, node: Node<typeof dynamicConv2d>): string {
  const { operands, attributes, output } = node;
  const { channel, filter, spatial, kernel, bias, residual } = names;
  const [batch, cin, ...extent] = operands.x.shape;
  const [n, cout, inputs, kh, kw] = operands.weight.shape;
  const perChannel = (name: string, channels: number) => reshape(onnx, name, [batch, channels, 1, 1]);

  let x = channel ? onnx.node("Mul", [names.x, perChannel(channel, cin)]) : names.x;
  let weight = reshape(onnx, names.weight, kernel ? [n, cout * inputs * kh * kw] : [1, cout, inputs, kh, kw]);
  if (kernel) weight = reshape(onnx, onnx.node("MatMul", [kernel, weight]), [batch, cout, inputs, kh, kw]);
  if (spatial) weight = onnx.node("Mul", [weight, reshape(onnx, spatial, [batch, 1, 1, kh, kw])]);

  const samples = kernel || spatial ? batch : 1;
  const filters = reshape(onnx, weight, [samples * cout, inputs, kh, kw]);
  if (samples > 1) x = reshape(onnx, x, [1, batch * cin, ...extent]);
  let y = onnx.node("Conv", [x, filters], convolution({ ...attributes, groups: attributes.groups * samples }));
  if (samples > 1) y = reshape(onnx, y, output.shape);

  if (filter) y = onnx.node("Mul", [y, perChannel(filter, cout)]);
  if (bias) y = onnx.node("Add", [y, reshape(onnx, bias, [1, cout, 1, 1])]);
  if (residual) y = onnx.node("Add", [y, residual]);
  return activate(onnx, y, attributes.activation);
}

function convolution({ stride, padding, dilation, groups }: Omit<ConvolutionAttributes, "activation">): OnnxAttributes {
  return { ...window(stride, padding), dilations: [...dilation], group: groups };
}

function activate(onnx: OnnxWriter, x: string, activation: Activation): string {
  if (activation === "none") return x;
  if (activation === "relu") return onnx.node("Relu", [x]);
  const bounds = [0, 6].map((bound) => onnx.tensor(Float32Array.of(bound), []));
  return onnx.node("Clip", [x, ...bounds]);
}

function tempered(onnx: OnnxWriter, x: string, temperature: string | undefined): string {
  return temperature ? onnx.node("Div", [x, temperature]) : x;
}

function reshape(onnx: OnnxWriter, x: string, shape: readonly number[]): string {
  return onnx.node("Reshape", [x, onnx.tensor([...shape], [shape.length])]);
}
