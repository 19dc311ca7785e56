import type { Shape } from "../../graph/graph.ts";

/** The extents that a value has on this device: those of 4 and 5 axes have the third from last, the channels, last. */
export function deviceShape(shape: Shape): number[] {
  if (shape.length < 4) return [...shape];
  const [channels, height, width] = shape.slice(-3);
  return [...shape.slice(0, -3), height, width, channels];
}
