import type { Shape } from "../../../graph/graph.ts";

/**
 * Returns the shape of a value on this device. With 4 or 5 axes, the third axis from the end (the channels) becomes the
 * last.
 */
export function deviceShape(shape: Shape): number[] {
  if (shape.length < 4) return [...shape];
  const [channels, height, width] = shape.slice(-3);
  return [...shape.slice(0, -3), height, width, channels];
}
