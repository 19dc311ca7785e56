/**
 * Any layout from the blocked one, on the device: for weights that are computed or given to every run.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { type Shape, size, type Value } from "../../graph/graph.ts";
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
  const { shape, name } = value;
  const places = blocked(shape).texels * 4;
  const placeOf = placesOf(name, shape, places, (data, out) => packBlocks(shape, data, out));
  const table = new Float32Array(texels * 4);
  pack(placeOf, table);
  return table;
}

/**
 * The way back: for every number of the blocked layout of `shape`, its place in a layout of so many texels plus one, or 0
 * for padding. Throws DeviceError where float32 cannot count them.
 */
export function scatterTable(
  name: string,
  shape: Shape,
  texels: number,
  pack: (data: Float32Array, out: Float32Array) => void,
): Float32Array<ArrayBuffer> {
  const table = new Float32Array(blocked(shape).texels * 4);
  packBlocks(shape, placesOf(name, shape, texels * 4, pack), table);
  return table;
}

/** For every number of a tensor in row-major order, its place plus one in a layout of so many places. */
function placesOf(
  name: string,
  shape: Shape,
  places: number,
  pack: (data: Float32Array, out: Float32Array) => void,
): Float32Array<ArrayBuffer> {
  if (places >= MOST_EXACT) {
    throw new DeviceError(
      `${name} [${shape.join(", ")}] is laid out in every run and has too many numbers for that ` +
        `(${places}, at most ${MOST_EXACT}); make it a parameter`,
    );
  }
  const numbered = new Float32Array(places);
  pack(Float32Array.from({ length: size(shape) }, (_, i) => i + 1), numbered);
  const placeOf = new Float32Array(size(shape));
  numbered.forEach((number, place) => {
    if (number > 0) placeOf[number - 1] = place + 1;
  });
  return placeOf;
}

/** Lays numbers out by a table of {@link gatherTable} or {@link scatterTable}. */
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
