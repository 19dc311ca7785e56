/**
 * Converts the blocked layout to any other layout on the device. It serves weights that are computed or are inputs.
 *
 * @module
 */

import { DeviceError } from "../../../errors.ts";
import { type Shape, size, type Value } from "../../../graph/graph.ts";
import { type Dispatch, dispatch, type Resource } from "../../plan/kernel.ts";
import { blocked, packBlocks } from "../../plan/layout.ts";
import type { PlanContext } from "../../plan/plan.ts";
import { range } from "../wgsl/range.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/** Whole numbers up to this are exact in float32. */
const MOST_EXACT = 2 ** 24;

/**
 * Returns a table with one entry per number of a layout: the number's place in the blocked layout plus one, or 0 for
 * padding. The table is built by packing the place numbers themselves. Throws DeviceError if float32 cannot represent
 * them.
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
 * Returns the inverse table, with one entry per number of the blocked layout of `shape`. An entry is the number's place
 * in a layout of `texels` texels plus one, or 0 for padding. Throws DeviceError if float32 cannot represent the places.
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

/** Returns, for every number of a tensor in row-major order, its place in a layout of `places` numbers, plus one. */
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

/** Plans the conversion of `from` to `to` by a table of {@link gatherTable} or {@link scatterTable}. */
export function gather(
  label: string,
  from: Resource,
  table: Float32Array<ArrayBuffer>,
  to: Resource,
  context: PlanContext,
): void {
  const texels = texelTable(table);
  const places = context.constant(`${label} layout`, texels ?? table);
  context.emit(texels ? gatherTexels(from, places, to) : gatherNumbers(from, places, to));
}

/** Plans the conversion of `count` adjacent tensors by the table of one tensor. */
export function gatherEach(
  label: string,
  from: Resource,
  table: Float32Array<ArrayBuffer>,
  count: number,
  to: Resource,
  context: PlanContext,
): void {
  context.emit(gatherNumbers(from, context.constant(`${label} layout`, table), to, count));
}

/** Returns a table of whole texels if a layout only moves whole texels: each texel's place plus one, or 0. */
function texelTable(table: Float32Array): Float32Array<ArrayBuffer> | undefined {
  const texels = new Float32Array(table.length / 4);
  const taken = new Uint8Array(table.reduce((most, place) => Math.max(most, place), 0));
  for (let i = 0; i < table.length; i++) {
    if (table[i] === 0) continue;
    const place = table[i] - 1;
    const texel = (place >> 2) + 1;
    if ((place & 3) !== (i & 3) || (texels[i >> 2] !== 0 && texels[i >> 2] !== texel)) return undefined;
    texels[i >> 2] = texel;
    taken[place] = 1;
  }
  // If a lane is padding in the result, its source lane must be padding too: no lane of the result uses it.
  const isMoved = (_: number, i: number) =>
    table[i] !== 0 || texels[i >> 2] === 0 || taken[(texels[i >> 2] - 1) * 4 + (i & 3)] !== 1;
  return table.every(isMoved) ? texels : undefined;
}

function gatherTexels(from: Resource, places: Resource, to: Resource): Dispatch {
  return dispatch({
    label: "gather_texels",
    reads: { x: from, places },
    writes: { y: to },
    plain: ["places"],
    uniforms: {},
    invocations: to.texels,
    body: wgsl`
      let place = u32(places(id));
      y[id] = select(vec4f(), x(max(place, 1u) - 1u), place > 0u);`,
  });
}

function gatherNumbers(from: Resource, places: Resource, to: Resource, count = 1): Dispatch {
  return dispatch({
    label: "gather",
    reads: { x: from, places },
    writes: { y: to },
    plain: ["x"],
    uniforms: { texels: to.texels / count, numbers: from.texels * 4 / count },
    invocations: to.texels,
    body: wgsl`
      let place = vec4u(places(id % u.texels));
      let at = max(place, vec4u(1u)) - 1u + id / u.texels * u.numbers;
      y[id] = select(vec4f(), vec4f(${range(4).map((l) => `x(at[${l}])`).join(", ")}), place > vec4u());`,
  });
}
