/**
 * Elementwise operators as formulas. A formula that only one other formula uses becomes part of it. So a chain of such
 * operators is one pass over memory.
 *
 * @module
 */

import type { Node, Value } from "../../../graph/graph.ts";
import type { Formula, Values } from "../../plan/formula.ts";
import { dispatch, type Resource } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { PlanContext, Profile } from "../../plan/plan.ts";
import { wgsl } from "./wgsl.ts";

/**
 * Operators that read a gradient to sum it or to subtract a part of the sums. They may compute it themselves instead.
 */
const COMPUTING_AGAIN = ["batch_norm_weight_grad", "batch_norm_input_grad", "channel_sum"];

/**
 * Whether each user should compute a formula itself, instead of reading a stored result. This is done if it moves less
 * memory, which depends on the number of operands. The sums of batch norm's gradients are made in one pass and count as
 * one user.
 */
export function isComputedAgain(formula: Formula, users: readonly Node[], context: PlanContext): boolean {
  if (!users.every(({ op }) => COMPUTING_AGAIN.includes(op.name))) return false;
  const passes = users.filter(({ op }) => op.name !== "channel_sum").length;
  const operands = texelsOf(formula, context);
  // A write costs as much as a read and a write of memory.
  return passes * operands < operands + 2 + passes;
}

/**
 * Counts the tensors of the result's shape that are read to compute a formula. Deferred operands are replaced by the
 * tensors that they read.
 */
function texelsOf({ texels }: Formula, context: PlanContext): number {
  return present(texels).reduce((count, [, operand]) => {
    const formula = context.deferred(operand);
    return count + (formula ? texelsOf(formula, context) : 1);
  }, 0);
}

/** Pixels of a plane that an invocation computes. It loads the plane's numbers once for all of them. */
const RUN = 8;

/** WGSL of the loop over an invocation's pixels. */
const PIXELS: Readonly<Record<Profile, string>> = {
  // On a CPU, an invocation's pixels should be adjacent in the cache.
  software: wgsl`
    let first = id % u.tiles * ${RUN}u;
    for (var p = first; p < min(u.pixels, first + ${RUN}u); p++) {`,
  // On a GPU, lanes that load at the same time should load adjacent pixels.
  hardware: "for (var p = id % u.tiles; p < u.pixels; p += u.tiles) {",
};

/** Plans a formula's node. If its only user is a formula too, both are planned together. */
export function planFormula(node: Node, formula: Formula, context: PlanContext): void {
  if (!context.defer(node, formula)) emitFormulas([{ node, formula }], context);
}

/** A node and its formula. */
export interface FormulaNode {
  readonly node: Node;
  readonly formula: Formula;
}

/** Plans nodes of one shape in one dispatch, with the formulas that they take. Later nodes may use earlier results. */
export function emitFormulas(parts: readonly FormulaNode[], context: PlanContext): void {
  const writer = new FormulaWriter(context, context.capabilities.storageBuffers - parts.length);
  const results = parts.map(({ node, formula }) => ({ node, formula, result: writer.write(formula, node.output) }));
  const written = results.map(({ node, formula, result }) => ({ result, y: context.output(node, formula.over) }));
  const { texels, ...shape } = blocked(parts[0].node.output.shape);
  // If no number belongs to a plane, the whole tensor counts as one plane.
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
 * Writes formulas as WGSL for one dispatch. In its body `i` is the texel, `plane` is its plane and `c` is its block of
 * channels. Every name of a formula gets a unique name in the dispatch.
 */
export class FormulaWriter {
  /** The names of the operators so far, in the order of computation. */
  readonly operators: string[] = [];
  /** Operands by WGSL name. */
  readonly reads: Record<string, Resource> = {};
  /** Uniforms by name. */
  readonly floats: Record<string, number> = {};
  /** Lines before the loop over pixels. */
  readonly setup: string[] = [];
  /** Lines at the beginning of the loop's body. */
  readonly lines: string[] = [];
  /** Whether any number belongs to a plane or a channel. */
  hasPlanes = false;
  readonly #context: PlanContext;
  readonly #room: number;
  /** The names of values that were read or computed, by value and index. */
  readonly #known = new Map<string, string>();
  /** The number of operands that are still to be read. */
  #waiting = 0;
  #names = 0;

  /** Creates a writer for one dispatch. Formulas may bind at most `room` buffers for their operands. */
  constructor(context: PlanContext, room: number) {
    this.#context = context;
    this.#room = room;
  }

  /**
   * Writes a formula and the formulas that it takes. Returns the WGSL name of its result. `value` is the value that it
   * computes, if any.
   */
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

  /** Takes a deferred value into this dispatch, if there is room for its operands. Otherwise reads it. */
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

  /**
   * Recomputes a value from texels that were already read, which costs less than reading it. Returns undefined if that
   * is not possible.
   */
  #again(value: Value): string | undefined {
    const known = this.#known.get(`${value.id} i`);
    if (known) return known;
    const reads = this.#readsAgain(value);
    if (reads === undefined || Object.keys(this.reads).length + this.#waiting + reads > this.#room) return undefined;
    const formula = this.#context.formula(value)!;
    present(formula.texels).forEach(([, operand]) => this.#again(operand));
    return this.write(formula, value);
  }

  /**
   * Returns how many operands must be read to recompute a value. Returns undefined if its texels were not read before.
   */
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
