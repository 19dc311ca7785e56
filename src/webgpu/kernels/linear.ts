import type { Value } from "../../graph/graph.ts";
import type { Activation } from "../../graph/ops/shared.ts";
import { dispatch } from "../kernel.ts";
import { blocked, blocksOf } from "../layout.ts";
import type { Kernel } from "../planner.ts";
import { activate } from "./elementwise.ts";

/** Lays a weight [O, I] out as [I][ceil(O/4)] texels: four outputs a texel, inputs padded with zeros to blocks of four. */
function packLinear(outputs: number, inputs: number): (data: Float32Array, out: Float32Array) => void {
  const stride = blocksOf(outputs) * 4;
  return (data, out) => {
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) out[i * stride + o] = data[o * inputs + i];
    }
  };
}

/** y = activation(x weight^T + bias): four outputs of one sample an invocation. */
export const linear: Kernel = (node, context) => {
  const { x, weight, bias, temperature } = node.operands as Record<"x" | "weight", Value> & {
    bias?: Value;
    temperature?: Value;
  };
  const { activation } = node.attributes as { activation: Activation | "sigmoid" };
  const { batch, channels, blocks: inputs } = blocked(x.shape);
  const { blocks: outputs } = blocked(node.output.shape);
  const [cout] = weight.shape;
  const result = activation !== "sigmoid"
    ? activate(activation, "sum")
    : `1.0 / (1.0 + exp(-sum${temperature ? " / temperature(0u).x" : ""}))`;
  context.emit(dispatch({
    label: `linear_${activation}`,
    reads: {
      x: context.read(x),
      weight: context.packed(weight, "linear", inputs * 4 * outputs, packLinear(cout, channels)),
      bias: bias && context.read(bias),
      temperature: activation === "sigmoid" && temperature ? context.read(temperature) : undefined,
    },
    writes: { y: context.output(node) },
    uniforms: { inputs, outputs },
    invocations: batch * outputs,
    workgroupSize: 8,
    body: `
  let o = id % u.outputs;
  let s = id / u.outputs;
  var sum = ${bias ? "bias(o)" : "vec4f()"};
  var w = o;
  for (var i = 0u; i < u.inputs; i++) {
    let v = x(s * u.inputs + i);
    sum += v.x * weight(w) + v.y * weight(w + u.outputs)
      + v.z * weight(w + 2u * u.outputs) + v.w * weight(w + 3u * u.outputs);
    w += 4u * u.outputs;
  }
  y[id] = ${result};`,
  }));
};
