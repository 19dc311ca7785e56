/**
 * Checks of a run's inputs besides their lengths, on every device, before anything is computed.
 *
 * @module
 */

import { DataError, ShapeError } from "../errors.ts";
import { shapeOf, showShape } from "../image_tensor.ts";
import type { Tensors } from "./backend.ts";
import type { Graph, OperandsOf } from "./graph.ts";
import { crossEntropy, crossEntropyGrad } from "./ops/cross_entropy.ts";

/**
 * Returns a check for the inputs of a graph's runs. If an array carries a shape, it must be the input's. Labels of a
 * cross-entropy must be classes. The check throws ShapeError and DataError.
 */
export function inputChecks(graph: Graph): (inputs: Tensors) => void {
  const shapes = new Map([...graph.inputs].map(([name, { shape }]) => [name, shape]));
  const labels = labelInputs(graph);
  return (inputs) => {
    for (const [name, data] of Object.entries(inputs)) {
      const shape = shapes.get(name);
      if (shape) checkShape(name, data, shape);
      const classes = labels.get(name);
      if (classes !== undefined) checkLabels(name, data, classes);
    }
  };
}

/** The graph's inputs that are labels of a cross-entropy, and how many classes it has. */
export function labelInputs(graph: Graph): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { op, operands } of graph.nodes) {
    if (op !== crossEntropy && op !== crossEntropyGrad) continue;
    const { labels, logits } = operands as OperandsOf<typeof crossEntropy>;
    const classes = Math.min(logits.shape[1], found.get(labels.name) ?? Infinity);
    if (labels.source.kind === "input") found.set(labels.name, classes);
  }
  return found;
}

/** Throws ShapeError if the array carries another shape. A single image fits a batch of one. */
export function checkShape(name: string, data: Float32Array, expected: readonly number[]): void {
  const found = shapeOf(data);
  if (!found || withoutOnes(found) === withoutOnes(expected)) return;
  throw new ShapeError(`the input "${name}" is ${showShape(found)}, expected ${showShape(expected)}`);
}

function withoutOnes(shape: readonly number[]): string {
  const first = shape.findIndex((extent) => extent !== 1);
  return shape.slice(first < 0 ? shape.length : first).join();
}

/** Throws DataError, naming the first image's number, if a label is no class. */
export function checkLabels(name: string, labels: Float32Array, classes: number): void {
  const wrong = labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < classes));
  if (wrong < 0) return;
  throw new DataError(
    `the label of image ${wrong} of the batch ("${name}") is ${labels[wrong]}, expected a class from 0 to ` +
      `${classes - 1}`,
  );
}
