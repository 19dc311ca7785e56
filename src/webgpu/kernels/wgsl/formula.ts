/**
 * What elementwise operators compute, as formulas: one that a single other formula takes becomes part of it, so that a
 * chain of such operators is one pass over memory.
 *
 * @module
 */

import type { Node, Value } from "../../../graph/graph.ts";
import type { Formula, Values } from "../../plan/formula.ts";
import { dispatch, type Resource } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { PlanContext, Profile } from "../../plan/plan.ts";
import { wgsl } from "./wgsl.ts";

/** Operators that read a gradient to sum it, or to subtract a part of the sums: both may compute it instead. */
const COMPUTING_AGAIN = ["batch_norm_weight_grad", "batch_norm_input_grad", "channel_sum"];

/**
 * Whether several users had better compute a formula each than have one write what all read: with as few operands as it
 * has, that moves less memory. The sums of batch norm's gradients are made in one pass, and count as one user.
 */
export function isComputedAgain(formula: Formula, users: readonly Node[], context: PlanContext): boolean {
  if (!users.every(({ op }) => COMPUTING_AGAIN.includes(op.name))) return false;
  const passes = users.filter(({ op }) => op.name !== "channel_sum").length;
  const operands = texelsOf(formula, context);
  // A write is a read and a write of memory.
  return passes * operands < operands + 2 + passes;
}

/** Tensors of the result's shape that are read for a formula: not those that have to be computed again, too. */
function texelsOf({ texels }: Formula, context: PlanContext): number {
  return present(texels).reduce((count, [, operand]) => {
    const formula = context.deferred(operand);
    return count + (formula ? texelsOf(formula, context) : 1);
  }, 0);
}

/** Pixels of a plane that an invocation computes, so that it loads the plane's numbers once for all of them. */
const RUN = 8;

/** WGSL of the loop over an invocation's pixels. */
const PIXELS: Readonly<Record<Profile, string>> = {
  // Caches like an invocation's pixels side by side,
  software: wgsl`
    let first = id % u.tiles * ${RUN}u;
    for (var p = first; p < min(u.pixels, first + ${RUN}u); p++) {`,
  // lanes that load at once those of neighbouring invocations.
  hardware: "for (var p = id % u.tiles; p < u.pixels; p += u.tiles) {",
};

/** Plans a formula's node: together with its only user, where that one is a formula too. */
export function planFormula(node: Node, formula: Formula, context: PlanContext): void {
  if (!context.defer(node, formula)) emitFormulas([{ node, formula }], context);
}

/** A node and what it computes. */
export interface FormulaNode {
  readonly node: Node;
  readonly formula: Formula;
}

/** Plans nodes of one shape in one dispatch, with the formulas that they take; later ones may take earlier ones' results. */
export function emitFormulas(parts: readonly FormulaNode[], context: PlanContext): void {
  const writer = new FormulaWriter(context, context.capabilities.storageBuffers - parts.length);
  const results = parts.map(({ node, formula }) => ({ node, formula, result: writer.write(formula, node.output) }));
  const written = results.map(({ node, formula, result }) => ({ result, y: context.output(node, formula.over) }));
  const { texels, ...shape } = blocked(parts[0].node.output.shape);
  // Where no number is a plane's, the whole tensor counts as one.
  const { blocks, pixels } = writer.hasPlanes ? shape : { blocks: 1, pixels: texels };
  const tiles = Math.ceil(pixels / RUN);
  context.emit(dispatch({
    label: writer.operators.join("+"),
    reads: writer.reads,
    writes: Object.fromEntries(written.map(({ y }, i) => [`y${i}`, y])),
    uniforms: { blocks, pixels, tiles },
    floats: writer.floats,
    invocations: texels / pixels * tiles,
    body: wgsl`
      let plane = id / u.tiles;
      let c = plane % u.blocks;
      ${writer.setup}
      ${PIXELS[context.capabilities.profile]}
      let i = plane * u.pixels + p;
      ${writer.lines}
      ${written.map(({ result }, i) => `y${i}[i] = ${result};`)}
      }`,
  }));
}

/**
 * Writes formulas as WGSL for a dispatch in whose body `i` is the texel, `plane` its plane and `c` its block of channels;
 * every name of theirs gets one of the dispatch's.
 */
export class FormulaWriter {
  /** The operators written, in the order of computation. */
  readonly operators: string[] = [];
  /** Operands by WGSL name. */
  readonly reads: Record<string, Resource> = {};
  /** Uniforms by name. */
  readonly floats: Record<string, number> = {};
  /** What comes before the loop over pixels. */
  readonly setup: string[] = [];
  /** What the loop's body begins with. */
  readonly lines: string[] = [];
  /** Whether any number belongs to a plane or a channel. */
  hasPlanes = false;
  readonly #context: PlanContext;
  readonly #room: number;
  /** What has been read or computed of each value, by its place. */
  readonly #known = new Map<string, string>();
  /** Operands that still have to be read. */
  #waiting = 0;
  #names = 0;

  /** Of one dispatch, which binds at most `room` buffers for what formulas read. */
  constructor(context: PlanContext, room: number) {
    this.#context = context;
    this.#room = room;
  }

  /** Writes a formula and those that it takes; answers the WGSL name of its result. `value` is what it computes, if any. */
  write({ texels, planes, channels, numbers, floats, setup, result }: Formula, value?: Value): string {
    const names: Record<string, string> = {};
    for (const [name, number] of Object.entries(floats ?? {})) {
      const uniform = this.#name();
      this.floats[uniform] = number;
      names[name] = `u.${uniform}`;
    }
    for (const [name, operand] of present(numbers)) names[name] = this.#load(operand, "0u", this.setup, "[0]");
    for (const [name, operand] of present(channels)) names[name] = this.#load(operand, "c", this.setup);
    for (const [name, operand] of present(planes)) names[name] = this.#load(operand, "plane", this.setup);
    this.hasPlanes ||= [planes, channels].some((values) => present(values).length > 0);
    const isDeferred = ([, operand]: [string, Value]) => this.#context.deferred(operand) !== undefined;
    const [ready, taken] = [present(texels).filter((o) => !isDeferred(o)), present(texels).filter(isDeferred)];
    for (const [name, operand] of ready) names[name] = this.#again(operand) ?? this.#load(operand, "i", this.lines);
    this.#waiting += taken.length;
    for (const [name, operand] of taken) names[name] = this.#take(operand);
    for (const [name, wgsl] of Object.entries(setup ?? {})) names[name] = this.#let(this.setup, wgsl(names));
    const name = this.#let(this.lines, result(names));
    if (value?.source.kind === "node") {
      this.operators.push(value.source.node.op.name);
      this.#known.set(`${value.id} i`, name);
    }
    return name;
  }

  /** A value that was put off: as part of this dispatch, if there is room for what it reads. */
  #take(value: Value): string {
    this.#waiting--;
    const known = this.#known.get(`${value.id} i`);
    if (known) return known;
    const formula = this.#context.deferred(value)!;
    if (!this.#hasRoom(formula)) return this.#load(value, "i", this.lines);
    this.#context.take(value);
    return this.write(formula, value);
  }

  #hasRoom({ texels, planes, channels, numbers }: Formula): boolean {
    const count = [texels, planes, channels, numbers].flatMap(present).length;
    return Object.keys(this.reads).length + this.#waiting + count <= this.#room;
  }

  /** A value that follows from texels read before: computing it again costs less than reading it. */
  #again(value: Value): string | undefined {
    const known = this.#known.get(`${value.id} i`);
    if (known) return known;
    const reads = this.#readsAgain(value);
    if (reads === undefined || Object.keys(this.reads).length + this.#waiting + reads > this.#room) return undefined;
    const formula = this.#context.formula(value)!;
    present(formula.texels).forEach(([, operand]) => this.#again(operand));
    return this.write(formula, value);
  }

  /** Operands that are read to compute a value again; undefined where it does not follow from what was read before. */
  #readsAgain(value: Value): number | undefined {
    if (this.#known.has(`${value.id} i`)) return 0;
    const formula = this.#context.formula(value);
    const texels = present(formula?.texels).map(([, operand]) => this.#readsAgain(operand));
    if (!formula || texels.length === 0) return undefined;
    const others = [formula.planes, formula.channels, formula.numbers].flatMap(present).length;
    return texels.reduce((sum, reads) => sum === undefined || reads === undefined ? undefined : sum + reads, others);
  }

  #load(value: Value, at: string, into: string[], lane = ""): string {
    const key = `${value.id} ${at}`;
    const known = this.#known.get(key) ?? this.#let(into, `${this.#read(value)}(${at})${lane}`);
    this.#known.set(key, known);
    return known;
  }

  #read(value: Value): string {
    const resource = this.#context.read(value);
    const known = Object.keys(this.reads).find((name) => this.reads[name] === resource);
    const name = known ?? `x${Object.keys(this.reads).length}`;
    this.reads[name] = resource;
    return name;
  }

  #let(into: string[], wgsl: string): string {
    const name = this.#name();
    into.push(`let ${name} = ${wgsl};`);
    return name;
  }

  #name(): string {
    return `v${this.#names++}`;
  }
}

function present(values: Values | undefined): [string, Value][] {
  return Object.entries(values ?? {}).filter((entry): entry is [string, Value] => entry[1] !== undefined);
}
