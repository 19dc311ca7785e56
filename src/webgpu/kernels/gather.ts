/**
 * Any layout from the blocked one, on the device: for weights that are computed or given to every run.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { size, type Value } from "../../graph/graph.ts";
import { type Dispatch, dispatch, type Resource } from "../kernel.ts";
import { blocked, packBlocks } from "../layout.ts";

/** Whole numbers up to here are exact in float32. */
const MOST_EXACT = 2 ** 24;

/**
 * For every number of a layout, the place of the value's number in the blocked layout plus one, or 0 for padding. Found
 * by laying out the places themselves. Throws DeviceError where float32 cannot count them.
 */
export function gatherTable(
  value: Value,
  texels: number,
  pack: (data: Float32Array, out: Float32Array) => void,
): Float32Array<ArrayBuffer> {
  const count = size(value.shape);
  const places = blocked(value.shape).texels * 4;
  if (places >= MOST_EXACT) {
    throw new DeviceError(
      `${value.name} [${value.shape.join(", ")}] is laid out in every run and has too many numbers for that ` +
        `(${places}, at most ${MOST_EXACT}); make it a parameter`,
    );
  }
  const numbered = new Float32Array(places);
  packBlocks(value.shape, Float32Array.from({ length: count }, (_, i) => i + 1), numbered);
  const placeOf = new Float32Array(count);
  numbered.forEach((number, place) => {
    if (number > 0) placeOf[number - 1] = place + 1;
  });
  const table = new Float32Array(texels * 4);
  pack(placeOf, table);
  return table;
}

/** Lays a blocked value out by a table of {@link gatherTable}. */
export function gather(from: Resource, table: Resource, to: Resource): Dispatch {
  return dispatch({
    label: "gather",
    reads: { x: from, places: table },
    writes: { y: to },
    uniforms: {},
    invocations: to.texels,
    body: `
  let place = vec4u(places(id));
  var texel = vec4f();
  for (var lane = 0u; lane < 4u; lane++) {
    let at = place[lane];
    if (at > 0u) { texel[lane] = x((at - 1u) / 4u)[(at - 1u) % 4u]; }
  }
  y[id] = texel;`,
  });
}
