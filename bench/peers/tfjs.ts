/**
 * TensorFlow.js, used directly: eager operators on its WebGPU or WASM backend. It runs static networks with folded
 * batch norm, as all contestants do.
 *
 * @module
 */

// deno-lint-ignore-file no-import-prefix -- a bench's peers are named where they are used
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { startTfjs } from "../../src/cpu/tfjs.ts";
import { DeviceError, ShapeError } from "../../src/errors.ts";
import type { Tensors } from "../../src/graph/backend.ts";
import { type Graph, presentOperands, type Shape, type Value } from "../../src/graph/graph.ts";
import type { Contestant } from "../contestant.ts";
import { RULES } from "./tfjs_nodes.ts";

/**
 * Sets the backend of tfjs, which has only one at a time per thread. Returns a function that sets the previous one
 * again.
 */
export async function takeBackend(name: "webgpu" | "wasm"): Promise<() => Promise<void>> {
  const previous = tf.engine().backendName;
  if (name === "wasm") {
    await startTfjs();
  } else {
    await import("npm:@tensorflow/tfjs-backend-webgpu@4.22.0");
    // Otherwise small operators and those that depend on them would run on the CPU.
    tf.env().set("WEBGPU_CPU_FORWARD", false);
  }
  if (!await tf.setBackend(name)) throw new DeviceError(`tfjs's ${name} backend does not start here`);
  return async () => {
    if (previous && previous !== name) await tf.setBackend(previous);
  };
}

/** Opens TensorFlow.js on a backend. */
export async function openTfjs(name: "webgpu" | "wasm"): Promise<Contestant> {
  await (await takeBackend(name))();
  return {
    name: `tfjs-${name}`,
    description: `tfjs ${tf.version_core}, ${name === "wasm" ? "WASM, 1 thread" : "WebGPU without CPU forwarding"}`,
    inFlight: name === "webgpu" ? 2 : 1,
    takesDynamic: () => false,
    async compile(graph) {
      const giveBack = await takeBackend(name);
      const parameters = await loadParameters(graph);
      return {
        run: (inputs) => run(graph, parameters, inputs),
        kernelMs: name === "wasm" ? undefined : async (inputs) => {
          const x = fromRowMajor(inputs.x, graph.inputs.get("x")!.shape);
          const { kernelMs } = await tf.time(() => tf.tidy(() => void forward(graph, parameters, x)));
          x.dispose();
          if (typeof kernelMs !== "number" || !(kernelMs > 0)) {
            throw new DeviceError(`tfjs's backend offers no timestamps that move (${kernelMs})`);
          }
          return kernelMs;
        },
        async dispose() {
          tf.dispose([...parameters.values()]);
          await giveBack();
        },
      };
    },
  };
}

/** The graph's parameters in the layout of tfjs. */
export async function loadParameters(graph: Graph): Promise<Map<Value, tf.Tensor>> {
  const parameters = new Map<Value, tf.Tensor>();
  for (const node of graph.nodes) {
    for (const value of presentOperands(node)) {
      if (value.source.kind !== "parameter" || parameters.has(value)) continue;
      const tensor = tf.tensor(await value.source.load(), [...value.shape]);
      // A depthwise filter is [kh, kw, C, 1], any other [kh, kw, Cin, Cout].
      const order = node.attributes.groups === value.shape[0] ? [2, 3, 0, 1] : [2, 3, 1, 0];
      parameters.set(value, value.shape.length === 4 ? tf.tidy(() => tf.transpose(tensor, order)) : tensor);
      if (value.shape.length === 4) tensor.dispose();
    }
  }
  return parameters;
}

/** Computes the graph's one output. Call it within tf.tidy. */
export function forward(graph: Graph, parameters: ReadonlyMap<Value, tf.Tensor>, x: tf.Tensor): tf.Tensor {
  const computed = new Map<Value, tf.Tensor>([[graph.inputs.get("x")!, x]]);
  for (const node of graph.nodes) {
    const rule = RULES[node.op.name];
    if (!rule) {
      throw new ShapeError(`${node.name}: ${node.op.name} has no rule for tfjs; see bench/peers/tfjs_nodes.ts`);
    }
    const operands = Object.entries(node.operands as Record<string, Value | undefined>)
      .flatMap(([name, value]) => value ? [[name, computed.get(value) ?? parameters.get(value)]] : []);
    computed.set(node.output, rule(Object.fromEntries(operands), node));
  }
  const [output] = graph.outputs.values();
  return computed.get(output)!;
}

/** Converts row-major images to the layout of tfjs. */
export function fromRowMajor(values: Float32Array, shape: Shape): tf.Tensor {
  return tf.tidy(() => tf.transpose(tf.tensor(values, [...shape]), [0, 2, 3, 1]));
}

async function run(graph: Graph, parameters: ReadonlyMap<Value, tf.Tensor>, inputs: Tensors): Promise<Tensors> {
  const [name] = graph.outputs.keys();
  const y = tf.tidy(() => {
    const x = fromRowMajor(inputs.x, graph.inputs.get("x")!.shape);
    const output = forward(graph, parameters, x);
    return output.rank === 4 ? tf.transpose(output, [0, 3, 1, 2]) : output;
  });
  const values = await y.data<"float32">() as Float32Array<ArrayBuffer>;
  y.dispose();
  return { [name]: values };
}
