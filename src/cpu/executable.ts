/**
 * Compiles a graph for tfjs and runs it. Parameters are laid out and uploaded once. Every value is freed after its last
 * use.
 */

import { DeviceError, isOdconvError, ShapeError } from "../errors.ts";
import { DISPOSED, type Executable, type Tensors } from "../graph/backend.ts";
import { inputChecks } from "../graph/check_inputs.ts";
import { type Graph, type Node, presentOperands, size, type Value } from "../graph/graph.ts";
import type { Kernel, TensorOperands } from "./kernels/tensors/kernel.ts";
import { toDevice, toNumbers } from "./kernels/layout/layout.ts";
import { KERNELS } from "./kernels/mod.ts";
import { checkFits } from "./memory_limit.ts";
import { tf } from "./tfjs.ts";

/** A node with everything that is known before a run. */
interface Step {
  readonly node: Node;
  readonly kernel: Kernel;
  /** Prepared weights, if the weight is a parameter. */
  readonly weights?: readonly tf.Tensor[];
  /** Values whose last use is this step. */
  readonly spent: readonly Value[];
}

/** Uploads the graph's parameters. Throws DeviceError if an operator is not supported, or the graph does not fit. */
export async function compileGraph(graph: Graph): Promise<Executable> {
  checkFits(graph, tf.memory().numBytes);
  const parameters = new Map<Value, tf.Tensor>();
  const upload = async (value: Value) => {
    if (value.source.kind !== "parameter" || parameters.has(value)) return;
    parameters.set(value, toDevice(await value.source.load(), value.shape));
  };
  const steps: Step[] = [];
  const spent = lastUses(graph);
  for (const node of graph.nodes) {
    const kernel = KERNELS[node.op.name as keyof typeof KERNELS];
    if (!kernel) throw new DeviceError(`${node.name}: the CPU backend has no kernel for ${node.op.name}`);
    const weight = kernel.prepare && constantWeight(node, graph);
    const weights = weight && await prepareWeight(kernel, node, weight);
    for (const value of presentOperands(node)) if (value !== weight) await upload(value);
    steps.push({ node, kernel, weights, spent: spent.get(node) ?? [] });
  }
  for (const value of [...graph.outputs.values(), ...graph.updates.keys(), ...graph.updates.values()]) {
    await upload(value);
  }
  const check = inputChecks(graph);
  let isDisposed = false;
  const use = async <T>(work: () => T | Promise<T>): Promise<T> => {
    if (isDisposed) throw new DeviceError(DISPOSED);
    return await work();
  };
  return {
    run: (inputs) =>
      use(() => {
        check(inputs);
        return execute(graph, steps, parameters, inputs);
      }),
    read: (names) => use(() => readParameters(graph, parameters, names)),
    dispose() {
      if (isDisposed) return;
      isDisposed = true;
      for (const step of steps) tf.dispose([...step.weights ?? []]);
      tf.dispose([...parameters.values()]);
    },
  };
}

/** Returns the weight of a node if it is a parameter that no run changes. */
function constantWeight(node: Node, { updates }: Graph): Value | undefined {
  const { weight } = node.operands as { weight?: Value };
  return weight?.source.kind === "parameter" && !updates.has(weight) ? weight : undefined;
}

async function prepareWeight(kernel: Kernel, node: Node, weight: Value): Promise<readonly tf.Tensor[]> {
  const values = weight.source.kind === "parameter" ? await weight.source.load() : new Float32Array();
  return tf.tidy(() => kernel.prepare!(toDevice(values, weight.shape), node));
}

/** Copies the current values of the parameters, all from the same point in time. */
async function readParameters(
  graph: Graph,
  parameters: ReadonlyMap<Value, tf.Tensor>,
  names: Iterable<string>,
): Promise<Tensors> {
  const read = [...names].map((name) => {
    const value = graph.parameters.get(name);
    if (value?.source.kind !== "parameter") throw new ShapeError(`the graph has no parameter "${name}"`);
    const tensor = parameters.get(value);
    // No tensor: the parameter is a prepared weight, or no node uses it. No run changes it.
    return [name, tensor ? toNumbers(tensor) : value.source.load().then((values) => values.slice())] as const;
  });
  return Object.fromEntries(await Promise.all(read.map(async ([name, values]) => [name, await values])));
}

/**
 * Returns, for each node, the inputs and computed values whose last use is that node. Outputs of the graph and new
 * values of parameters are left out.
 */
function lastUses(graph: Graph): Map<Node, Value[]> {
  const last = new Map<Value, Node>();
  for (const node of graph.nodes) {
    last.set(node.output, node);
    for (const value of presentOperands(node)) if (value.source.kind !== "parameter") last.set(value, node);
  }
  for (const value of [...graph.outputs.values(), ...graph.updates.values()]) last.delete(value);
  const spent = new Map<Node, Value[]>();
  for (const [value, node] of last) spent.set(node, [...spent.get(node) ?? [], value]);
  return spent;
}

function execute(
  graph: Graph,
  steps: readonly Step[],
  parameters: Map<Value, tf.Tensor>,
  inputs: Tensors,
): Tensors {
  const live = new Map<Value, tf.Tensor>();
  const tensor = (value: Value): tf.Tensor => (parameters.get(value) ?? live.get(value))!;
  try {
    for (const [name, value] of graph.inputs) live.set(value, toDevice(inputValues(name, value, inputs), value.shape));
    for (const { node, kernel, weights, spent } of steps) {
      const compute = () => {
        const operands: Record<string, tf.Tensor> = {};
        for (const [name, value] of Object.entries(node.operands as Record<string, Value | undefined>)) {
          if (value && !(name === "weight" && weights)) operands[name] = tensor(value);
        }
        return kernel.run(operands, node, weights ?? preparedNow(kernel, node, operands));
      };
      try {
        live.set(node.output, tf.tidy(compute));
      } catch (error) {
        throw isOdconvError(error)
          ? error
          : new DeviceError(`${node.name}: ${(error as Error).message}`, { cause: error });
      }
      for (const value of spent) {
        live.get(value)?.dispose();
        live.delete(value);
      }
    }
    const outputs = Object.fromEntries(
      [...graph.outputs].map(([name, value]) => [name, toNumbers(tensor(value))]),
    );
    // Compute all new values before the first is stored: one may be the old value of another parameter.
    const updates = [...graph.updates].map(([parameter, value]) => [parameter, tf.clone(tensor(value))] as const);
    for (const [parameter, updated] of updates) {
      parameters.get(parameter)!.dispose();
      parameters.set(parameter, updated);
    }
    return outputs;
  } finally {
    tf.dispose([...live.values()]);
  }
}

/** Prepares the weights of a node whose weight is computed or is an input of the run. */
function preparedNow(kernel: Kernel, node: Node, operands: TensorOperands): tf.Tensor[] {
  return kernel.prepare && operands.weight ? kernel.prepare(operands.weight, node) : [];
}

function inputValues(name: string, value: Value, inputs: Tensors): Float32Array {
  const values = inputs[name] ?? (value.source.kind === "input" ? value.source.initial : undefined);
  if (!values) throw new ShapeError(`the run lacks the input "${name}" of shape [${value.shape.join(", ")}]`);
  if (values.length !== size(value.shape)) {
    const wanted = `${size(value.shape)} numbers of shape [${value.shape.join(", ")}]`;
    throw new ShapeError(`the input "${name}" has ${values.length} numbers, expected ${wanted}`);
  }
  return values;
}
