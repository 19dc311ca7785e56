/**
 * Kernels that compute a result element by element in the graph's order, independent of the layout. They serve
 * operators that move elements between channels. Lanes past the last channel become zero.
 *
 * @module
 */

import type { Node, Shape, Value } from "../../../graph/graph.ts";
import { dispatch, type Resource } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { PlanContext } from "../../plan/plan.ts";

/** An operand of an element-wise kernel: its resource and shape. */
export interface ElementOperand {
  readonly shape: Shape;
  readonly resource: Resource;
}

/** How the elements of a result are computed. */
export interface Elements {
  readonly label: string;
  /** Operands by name. `NAME_at(i)` returns element i of the operand in row-major order. */
  readonly operands: Readonly<Record<string, ElementOperand>>;
  readonly uniforms?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  readonly declarations?: string;
  /** WGSL of element `i` of the result in row-major order, an f32. */
  readonly value: string;
}

/** Returns a value as an operand. */
export function elementOperand(value: Value, context: PlanContext): ElementOperand {
  return { shape: value.shape, resource: context.read(value) };
}

/** Plans a node element by element. */
export function planElements(node: Node, elements: Elements, context: PlanContext): void {
  emitElements({ shape: node.output.shape, resource: context.output(node) }, elements, context);
}

/** Plans a result of that shape element by element. */
export function emitElements(result: ElementOperand, elements: Elements, context: PlanContext): void {
  const { label, operands, uniforms, floats, declarations = "", value } = elements;
  const { channels, blocks, pixels, texels } = blocked(result.shape);
  const names = Object.keys(operands);
  const extents = Object.entries(operands).flatMap(([name, { shape }]) => {
    const { channels, blocks, pixels } = blocked(shape);
    return [[`${name}_channels`, channels], [`${name}_blocks`, blocks], [`${name}_pixels`, pixels]];
  });
  context.emit(dispatch({
    label,
    reads: Object.fromEntries(Object.entries(operands).map(([name, { resource }]) => [name, resource])),
    writes: { result: result.resource },
    uniforms: { channels, blocks, pixels, ...Object.fromEntries(extents), ...uniforms },
    floats,
    invocations: texels,
    declarations: `${names.map(elementDeclaration).join("\n")}
${declarations}
fn element(i: u32) -> f32 { return ${value}; }`,
    body: `
  let p = id % u.pixels;
  let block = (id / u.pixels) % u.blocks;
  let sample = id / (u.pixels * u.blocks);
  var texel = vec4f();
  for (var lane = 0u; lane < min(4u, u.channels - block * 4u); lane++) {
    texel[lane] = element((sample * u.channels + block * 4u + lane) * u.pixels + p);
  }
  result[id] = texel;`,
  }));
}

function elementDeclaration(name: string): string {
  return `fn ${name}_at(i: u32) -> f32 {
  let plane = i / u.${name}_pixels;
  let channel = plane % u.${name}_channels;
  let block = plane / u.${name}_channels * u.${name}_blocks + channel / 4u;
  return ${name}(block * u.${name}_pixels + i % u.${name}_pixels)[channel % 4u];
}`;
}

/** Returns the row-major strides of a shape. */
export function rowMajorStrides(shape: Shape): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((n, extent) => n * extent, 1));
}

/** Returns the strides of a tensor that is repeated along its axes of one element. Those axes have stride 0. */
export function repeatedStrides(shape: Shape): number[] {
  return rowMajorStrides(shape).map((stride, axis) => shape[axis] === 1 ? 0 : stride);
}

/**
 * Returns a WGSL function `name`, with the uniforms that it reads. It maps an element's number in a tensor of the given
 * extents to its place in another tensor with the given strides.
 */
export function placeFunction(
  name: string,
  extents: Shape,
  strides: readonly number[],
): { readonly declaration: string; readonly uniforms: Readonly<Record<string, number>> } {
  const axes = extents.map((_, axis) => axis).reverse();
  return {
    uniforms: Object.fromEntries(
      axes.flatMap((axis) => [[`${name}_extent${axis}`, extents[axis]], [`${name}_stride${axis}`, strides[axis]]]),
    ),
    declaration: `fn ${name}(i: u32) -> u32 {
  var rest = i;
  var place = 0u;
${
      axes.map((axis) =>
        `  place += rest % u.${name}_extent${axis} * u.${name}_stride${axis}; rest /= u.${name}_extent${axis};`
      ).join("\n")
    }
  return place;
}`,
  };
}
