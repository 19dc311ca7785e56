/**
 * From a kernel's body to a dispatch. A kernel file writes what one invocation computes; this module adds the bindings,
 * the uniform block and the invocation's number. What shapes the code (tile sizes, which operands exist) is part of the
 * WGSL and so of the shader's identity; extents travel in the uniform block, so that layers of many sizes share one
 * pipeline.
 *
 * @module
 */

import { TEXTURE_WIDTH } from "./layout.ts";

/** A piece of device memory that steps read and write. */
export interface Resource {
  /** Unique within a plan; resources that share memory have different ids. */
  readonly id: number;
  /** What it holds, for labels and errors. */
  readonly label: string;
  /** Whether kernels see a storage buffer or a storage texture TEXTURE_WIDTH texels wide and used linearly. */
  readonly form: "buffer" | "texture";
  /** Its size in texels of four numbers. */
  readonly texels: number;
  /** Its numbers, where they are not float32: parameters that no run changes. */
  readonly precision?: "float16";
  /** Kept for the executable's life, or only while steps need it. */
  readonly life: "kept" | "transient";
}

/** How a kernel sees a resource: as texels (vec4f) or as plain numbers (f32). */
export type ElementType = "vec4f" | "f32";

/** A WGSL program: what makes a pipeline. Two of equal source are one pipeline. */
export interface Shader {
  /** Names pipelines in errors and profiles. */
  readonly label: string;
  /** WGSL, entry point "main". */
  readonly source: string;
  /** Invocations of a workgroup. */
  readonly workgroupSize: number;
}

/** One use of a shader. */
export interface Dispatch {
  /** The program. */
  readonly shader: Shader;
  /** Read resources in the order of bindings 1, 2, ... */
  readonly reads: readonly Resource[];
  /** The written resources: the last bindings. */
  readonly writes: readonly Resource[];
  /** The uniform block, binding 0. */
  readonly uniforms: Uint32Array<ArrayBuffer>;
  /** How many invocations have work. */
  readonly invocations: number;
}

/** What a kernel file fills in. */
export interface KernelDescription {
  /** Names the kernel in errors and profiles. */
  readonly label: string;
  /**
   * Read operands by the name that the body uses: `x(i)` answers texel i of `x`. Absent ones are left out of the shader.
   * One that is written, too, must be read before, where it is written only.
   */
  readonly reads: Readonly<Record<string, Resource | undefined>>;
  /** The outputs, by the names that the body uses: `y[i] = ...`. */
  readonly writes: Readonly<Record<string, Resource>>;
  /** Operands and outputs that are plain numbers instead of texels. */
  readonly plain?: readonly string[];
  /** Extents and offsets, read in the body as `u.name`; whole numbers from 0 to 2^32 - 1. */
  readonly uniforms: Readonly<Record<string, number>>;
  /** Numbers of any kind, read in the body as `u.name`; float32. */
  readonly floats?: Readonly<Record<string, number>>;
  /** How many invocations have work; the body's `id` is below it. */
  readonly invocations: number;
  /** Declarations outside the entry point. */
  readonly declarations?: string;
  /** What invocation `id` does. */
  readonly body: string;
  /**
   * Workgroups run the body as wholes, whose invocations may share memory and wait for each other: `number` is the
   * workgroup's, `lane` the invocation's within it, and `invocations` a multiple of the workgroup's size.
   */
  readonly together?: boolean;
  /** Whether it uses subgroups: `subgroup_lane` is the invocation's number within its own. Needs the device's feature. */
  readonly subgroups?: boolean;
  /** 64 unless said: small kernels want few workgroups, register tiles want many. */
  readonly workgroupSize?: number;
}

function readDeclaration(name: string, binding: number, { form, precision }: Resource, type: ElementType): string {
  const at = `@group(0) @binding(${binding})`;
  // Two halves to a number of 32 bits: no feature is needed for them.
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
  // What is read and written is bound once.
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

/** The uniform block: whole numbers, then the bits of the others. */
function uniformBlock(whole: readonly number[], floats: readonly number[]): Uint32Array<ArrayBuffer> {
  return Uint32Array.of(...whole, ...new Uint32Array(Float32Array.from(floats).buffer));
}

/** Splits so many workgroups into a grid of two dimensions, none above `limit`. */
export function gridOf(workgroups: number, limit: number): [number, number] {
  if (workgroups <= limit) return [workgroups, 1];
  const rows = Math.ceil(workgroups / limit);
  return [Math.ceil(workgroups / rows), rows];
}
