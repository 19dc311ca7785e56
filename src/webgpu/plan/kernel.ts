/**
 * Turns a kernel's body into a dispatch. A kernel file writes what one invocation computes. This module adds the
 * bindings, the uniform block and the invocation's number. Tile sizes and the set of operands shape the code, so they
 * are part of the WGSL and of the shader's identity. Extents are in the uniform block, so layers of many sizes share
 * one pipeline.
 *
 * @module
 */

import { TEXTURE_WIDTH } from "./layout.ts";

/** A piece of device memory that steps read and write. */
export interface Resource {
  /** Unique within a plan. Resources that share memory have different ids. */
  readonly id: number;
  /** Its name in labels and errors. */
  readonly label: string;
  /**
   * Whether kernels bind a storage buffer or a storage texture. A texture is TEXTURE_WIDTH texels wide and is addressed
   * linearly.
   */
  readonly form: "buffer" | "texture";
  /** Its size in texels of four numbers. */
  readonly texels: number;
  /** The number format if it is not float32. Only parameters that no run changes have one. */
  readonly precision?: "float16";
  /** "kept" for the executable's life, or "transient" while steps need it. */
  readonly life: "kept" | "transient";
}

/** The element type of a resource in a kernel: texels (vec4f) or single numbers (f32). */
export type ElementType = "vec4f" | "f32";

/** A WGSL program for a pipeline. Shaders of equal source share one pipeline. */
export interface Shader {
  /** The pipeline's name in errors and profiles. */
  readonly label: string;
  /** The WGSL source. Its entry point is "main". */
  readonly source: string;
  /** Invocations of a workgroup. */
  readonly workgroupSize: number;
}

/** One use of a shader. */
export interface Dispatch {
  /** The program to run. */
  readonly shader: Shader;
  /** Resources that are read, in the order of bindings 1, 2, ... */
  readonly reads: readonly Resource[];
  /** Resources that are written. They have the last bindings. */
  readonly writes: readonly Resource[];
  /** The uniform block, at binding 0. */
  readonly uniforms: Uint32Array<ArrayBuffer>;
  /** The number of invocations that have work. */
  readonly invocations: number;
}

/** A kernel as its kernel file describes it. */
export interface KernelDescription {
  /** The kernel's name in errors and profiles. */
  readonly label: string;
  /**
   * Operands by their name in the body: `x(i)` returns texel i of `x`. Absent operands are left out of the shader. An
   * operand that is also an output is bound only as an output. The kernel must read a number of it before it writes
   * that number.
   */
  readonly reads: Readonly<Record<string, Resource | undefined>>;
  /** The outputs by their name in the body: `y[i] = ...`. */
  readonly writes: Readonly<Record<string, Resource>>;
  /** Names of the operands and outputs that are bound as single numbers instead of texels. */
  readonly plain?: readonly string[];
  /** Extents and offsets. The body reads them as `u.name`. They are whole numbers from 0 to 2^32 - 1. */
  readonly uniforms: Readonly<Record<string, number>>;
  /** Float32 numbers. The body reads them as `u.name`. */
  readonly floats?: Readonly<Record<string, number>>;
  /** The number of invocations that have work. The body's `id` is below it. */
  readonly invocations: number;
  /** WGSL declarations outside the entry point. */
  readonly declarations?: string;
  /** WGSL of invocation `id`. */
  readonly body: string;
  /**
   * Whether the invocations of a workgroup cooperate: they may share memory and wait for each other. `number` is then
   * the workgroup's number and `lane` is the invocation's number within it. `invocations` must be a multiple of the
   * workgroup's size.
   */
  readonly together?: boolean;
  /**
   * Whether the kernel uses subgroups. `subgroup_lane` is the invocation's number within its subgroup. Needs the
   * device's feature.
   */
  readonly subgroups?: boolean;
  /**
   * Invocations of a workgroup. Small kernels need few workgroups; register tiles need many.
   * @default 64
   */
  readonly workgroupSize?: number;
}

function readDeclaration(name: string, binding: number, { form, precision }: Resource, type: ElementType): string {
  const at = `@group(0) @binding(${binding})`;
  // Two halves are packed into 32 bits, which needs no feature.
  const [format, lanes, element] = precision === "float16" ? ["rg32uint", ".xy", "vec2u"] : ["rgba32float", "", type];
  const number = (texel: string) =>
    precision === "float16"
      ? `let halves = ${texel}; return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));`
      : `return ${texel};`;
  if (form === "texture") {
    const shift = Math.log2(TEXTURE_WIDTH);
    const texel = `textureLoad(${name}_, vec2u(i & ${TEXTURE_WIDTH - 1}u, i >> ${shift}u))${lanes}`;
    return `${at} var ${name}_: texture_storage_2d<${format}, read>;
fn ${name}(i: u32) -> vec4f { ${number(texel)} }`;
  }
  return `${at} var<storage, read> ${name}_: array<${element}>;
fn ${name}(i: u32) -> ${type} { ${number(`${name}_[i]`)} }`;
}

function writeDeclaration(name: string, binding: number, type: ElementType): string {
  return `@group(0) @binding(${binding}) var<storage, read_write> ${name}: array<${type}>;`;
}

/** Makes a dispatch of a kernel. */
export function dispatch(kernel: KernelDescription): Dispatch {
  const { label, uniforms, floats = {}, invocations, plain = [], workgroupSize = 64, together, subgroups } = kernel;
  const type = (name: string): ElementType => plain.includes(name) ? "f32" : "vec4f";
  const writes = Object.entries(kernel.writes);
  const all = Object.entries(kernel.reads).filter((e): e is [string, Resource] => e[1] !== undefined);
  // A resource that is both read and written is bound once.
  const overwritten = new Map(writes.map(([name, resource]) => [resource, name]));
  const reads = all.filter(([, resource]) => !overwritten.has(resource));
  const whole = { count: invocations, ...uniforms };
  const needsTextures = reads.some(([, r]) => r.form === "texture");
  const source = `${subgroups ? "enable subgroups;\n" : ""}${
    needsTextures ? "requires readonly_and_readwrite_storage_textures;\n" : ""
  }struct Uniforms {
${[...Object.keys(whole).map((n) => `  ${n}: u32,`), ...Object.keys(floats).map((n) => `  ${n}: f32,`)].join("\n")}
}
@group(0) @binding(0) var<uniform> u: Uniforms;
${reads.map(([name, r], i) => readDeclaration(name, i + 1, r, type(name))).join("\n")}
${writes.map(([name], i) => writeDeclaration(name, reads.length + 1 + i, type(name))).join("\n")}
${
    all.flatMap(([name, r]) => {
      const written = overwritten.get(r);
      return written ? [`fn ${name}(i: u32) -> ${type(name)} { return ${written}[i]; }`] : [];
    }).join("\n")
  }
${kernel.declarations ?? ""}
@compute @workgroup_size(${workgroupSize})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,${
    subgroups ? "\n  @builtin(subgroup_invocation_id) subgroup_lane: u32," : ""
  }
) {
  // Read once: software adapters read a uniform anew, lane by lane, in every turn of a loop that names it.
  let u = u;
  // Grids past the limit of one dimension fold into the second.
${
    together
      ? `  let number = workgroup.y * workgroups.x + workgroup.x;
  if (number >= u.count / ${workgroupSize}u) { return; }`
      : `  let id = (workgroup.y * workgroups.x + workgroup.x) * ${workgroupSize}u + lane;
  if (id >= u.count) { return; }`
  }
${kernel.body}
}
`;
  return {
    shader: { label, source, workgroupSize },
    reads: reads.map(([, r]) => r),
    writes: writes.map(([, r]) => r),
    uniforms: uniformBlock(Object.values(whole), Object.values(floats)),
    invocations,
  };
}

/** Builds the uniform block: the whole numbers, then the bits of the floats. */
function uniformBlock(whole: readonly number[], floats: readonly number[]): Uint32Array<ArrayBuffer> {
  return Uint32Array.of(...whole, ...new Uint32Array(Float32Array.from(floats).buffer));
}

/** Splits a number of workgroups into a two-dimensional grid. No dimension exceeds `limit`. */
export function gridOf(workgroups: number, limit: number): [number, number] {
  if (workgroups <= limit) return [workgroups, 1];
  const rows = Math.ceil(workgroups / limit);
  return [Math.ceil(workgroups / rows), rows];
}
