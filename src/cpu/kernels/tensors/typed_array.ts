import type { Shape } from "../../../graph/graph.ts";
import { heapView, tf } from "../../tfjs.ts";
import { deviceShape } from "./device_shape.ts";

/**
 * Computes a tensor in plain TypeScript, for operators that tfjs's WASM backend lacks or runs slowly. `fill` receives
 * the elements of the output, all zero, and those of the operands, in this device's layout. An operand that is left out
 * has none. `shape` is the output's shape in the graph. Sums should be kept in float64, which costs nothing here.
 */
export function compute<T extends readonly (tf.Tensor | undefined)[]>(
  shape: Shape,
  operands: readonly [...T],
  fill: (out: Float32Array, ...operands: { [K in keyof T]: View<T[K]> }) => void,
): tf.Tensor {
  const out = tf.fill(deviceShape(shape), 0); // allocated before any view is taken: an allocation may move the memory
  const views = operands.map((operand) => operand && heapView(operand));
  fill(heapView(out), ...views as { [K in keyof T]: View<T[K]> });
  return out;
}

type View<T> = T extends tf.Tensor ? Float32Array : T extends undefined ? undefined : Float32Array | undefined;
