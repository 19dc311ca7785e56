import type { Shape } from "../../graph/graph.ts";
import { heapView, tf } from "../tfjs.ts";
import { deviceShape } from "./device_shape.ts";

/**
 * A tensor computed in plain TypeScript, for what tfjs's WASM backend lacks or does slowly. `fill` is given the elements
 * of the output, all zero, and of the operands, in this device's layout; operands left out have none. `shape` is the
 * output's in the graph. Sums are best kept in float64, which costs nothing here.
 */
export function compute<T extends readonly (tf.Tensor | undefined)[]>(
  shape: Shape,
  operands: readonly [...T],
  fill: (out: Float32Array, ...operands: { [K in keyof T]: View<T[K]> }) => void,
): tf.Tensor {
  const out = tf.fill(deviceShape(shape), 0); // before any view is taken: an allocation may move the memory
  const views = operands.map((operand) => operand && heapView(operand));
  fill(heapView(out), ...views as { [K in keyof T]: View<T[K]> });
  return out;
}

type View<T> = T extends tf.Tensor ? Float32Array : T extends undefined ? undefined : Float32Array | undefined;
