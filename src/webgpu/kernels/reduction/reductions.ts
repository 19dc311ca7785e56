/**
 * Sums in two passes: many invocations sum a piece each, then few invocations add the pieces. The order is fixed, so
 * the same run gives the same bits. Padding lanes of the sums are zero, so padding lanes of parameters computed from
 * them stay zero.
 *
 * @module
 */

import type { Node, OperandsOf, Shape, Value } from "../../../graph/graph.ts";
import type { channelVariance as channelVarianceOperator } from "../../../graph/ops/reductions.ts";
import type { Formula } from "../../plan/formula.ts";
import { dispatch, type Resource } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import { FormulaWriter, planFormula } from "../wgsl/formula.ts";
import { channelsOf } from "../wgsl/numbers.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/**
 * Texels that an invocation of the first pass sums, and texels of a run that is summed separately. Short chains of
 * additions have small rounding errors.
 */
const PIECE = 512;
const RUN = 64;

/** Sums of pieces that are added as one run. */
const SHORT = 16;

/**
 * Sums over all axes except channels, or over the pixels alone. All sums are computed in one pass over their operands.
 */
export interface ChannelReduction {
  readonly label: string;
  /** The shape of the operands. */
  readonly shape: Shape;
  readonly sums: readonly ChannelSum[];
  /** Numbers that `finish` reads as `u.name`. */
  readonly floats?: Readonly<Record<string, number>>;
  /** Whether there is one sum per sample instead of one for the batch. */
  readonly perSample?: boolean;
}

/** One sum of a {@link ChannelReduction}. */
export interface ChannelSum {
  readonly term: Formula;
  /** Returns WGSL of the result from WGSL of the sum of block `c`. If left out, the result is the sum itself. */
  readonly finish?: (sum: string) => string;
  /** Resources that `finish` reads. */
  readonly finishReads?: Readonly<Record<string, Resource>>;
  readonly y: Resource;
}

/** Plans a {@link ChannelReduction}. A small one takes one pass. */
export function reduceChannels(reduction: ChannelReduction, context: PlanContext): void {
  const { label, sums, floats, perSample = false } = reduction;
  const { batch, channels, blocks, pixels } = blocked(reduction.shape);
  const pieces = Math.ceil(pixels / PIECE);
  const once = pieces === 1 && (perSample || batch * pixels <= PIECE);
  const finishReads = Object.assign({}, ...sums.map((sum) => sum.finishReads ?? {}));
  const finished = (k: number) => `select(vec4f(), ${(sums[k].finish ?? ((sum) => sum))(`sum${k}`)}, there)`;
  const results = wgsl`
    let there = ${channelsOf("c")} < vec4u(u.channels);
    ${sums.map((_, k) => `y${k}[id] = ${finished(k)};`)}`;
  const named = (name: string, resources: readonly Resource[]) =>
    Object.fromEntries(resources.map((resource, k) => [`${name}${k}`, resource]));
  const ys = sums.map(({ y }) => y);
  const partials = once ? ys : sums.map(() => context.scratch(`${label} of pieces`, batch * blocks * pieces));
  const parts = [0, 1, 2, 3];
  const others = sums.length + (once ? Object.keys(finishReads).length : 0);
  const writer = new FormulaWriter(context, context.capabilities.storageBuffers - others);
  const values = sums.map(({ term }) => writer.write(term));
  const terms = (offsets: readonly string[]) =>
    offsets.map((offset, part) =>
      wgsl`
        {
          let i = next${offset};
          ${writer.lines}
          ${values.map((value, k) => `part${k}_${part} += ${value};`).join(" ")}
        }`
    );
  context.emit(dispatch({
    label,
    reads: once ? { ...writer.reads, ...finishReads } : writer.reads,
    writes: named(once ? "y" : "partial", partials),
    uniforms: { channels, blocks, pixels, pieces, planes: once && !perSample ? batch : 1 },
    floats: { ...floats, ...writer.floats },
    invocations: partials[0].texels,
    workgroupSize: 8,
    body: wgsl`
      let first = id / u.pieces;
      let c = first % u.blocks;
      let begin = (id % u.pieces) * ${PIECE}u;
      // Runs in four parts: half the roundings for each.
      ${sums.map((_, k) => `var sum${k} = vec4f();`)}
      for (var plane = first; plane < first + u.planes * u.blocks; plane += u.blocks) {
        ${writer.setup}
        let end = plane * u.pixels + min(u.pixels, begin + ${PIECE}u);
        var next = plane * u.pixels + begin;
        while (next < end) {
          ${sums.flatMap((_, k) => parts.map((i) => `var part${k}_${i} = vec4f();`))}
          let stop = min(end, next + ${RUN}u);
          for (; next + 3u < stop; next += 4u) {
            ${terms(["", " + 1u", " + 2u", " + 3u"])}
          }
          for (; next < stop; next++) {
            ${terms([""])}
          }
          ${sums.map((_, k) => `sum${k} += (part${k}_0 + part${k}_1) + (part${k}_2 + part${k}_3);`)}
        }
      }
      ${once ? results : sums.map((_, k) => `partial${k}[id] = sum${k};`)}`,
  }));
  if (once) return;
  context.emit(dispatch({
    label: `${label}_end`,
    reads: { ...named("partial", partials), ...finishReads },
    writes: named("y", ys),
    uniforms: { channels, blocks, samples: perSample ? 1 : batch, pieces },
    floats,
    invocations: ys[0].texels,
    workgroupSize: 8,
    body: wgsl`
      let c = id % u.blocks;
      ${sums.map((_, k) => `var sum${k} = vec4f();`)}
      let count = u.samples * u.pieces;
      for (var first = 0u; first < count; first += ${SHORT}u) {
        ${sums.map((_, k) => `var run${k} = vec4f();`)}
        for (var n = first; n < min(count, first + ${SHORT}u); n++) {
          let at = (n / u.pieces * u.blocks + id) * u.pieces + n % u.pieces;
          ${sums.map((_, k) => `run${k} += partial${k}(at);`)}
        }
        ${sums.map((_, k) => `sum${k} += run${k};`)}
      }
      ${results}`,
  }));
}

/** Returns the unplanned node that sums a gradient by channel, if there is one. It is the gradient to a bias. */
export function biasGradient(gradient: Value, context: PlanContext): Node | undefined {
  return context.users(gradient).find(({ op, attributes, output }) =>
    op.name === "channel_sum" && attributes.scale === 1 && !context.isPlanned(output)
  );
}

/** scale * the sum of x per channel. */
export const channelSum: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  const { scale } = node.attributes as { scale: number };
  reduceChannels({
    label: "channel_sum",
    shape: x.shape,
    sums: [{
      term: { texels: { x }, result: (n) => n.x },
      finish: (sum) => `${sum} * u.scale`,
      y: context.output(node),
    }],
    floats: { scale },
  }, context);
};

/** The sum over the pixels for every sample and channel. */
export const pixelSum: Kernel = (node, context) => {
  const { x } = node.operands as { x: Value };
  reduceChannels({
    label: "pixel_sum",
    shape: x.shape,
    sums: [{ term: { texels: { x }, result: (n) => n.x }, y: context.output(node) }],
    perSample: true,
  }, context);
};

/** The mean of (x - mean)^2 per channel. */
export const channelVariance: Kernel = (node, context) => {
  const { x, mean } = node.operands as OperandsOf<typeof channelVarianceOperator>;
  const { batch, pixels } = blocked(x.shape);
  reduceChannels({
    label: "channel_variance",
    shape: x.shape,
    sums: [{
      term: { texels: { x }, channels: { mean }, result: (n) => `(${n.x} - ${n.mean}) * (${n.x} - ${n.mean})` },
      finish: (sum) => `${sum} * u.scale`,
      y: context.output(node),
    }],
    floats: { scale: 1 / (batch * pixels) },
  }, context);
};

/** The sum of a * b per channel, or per sample and channel. */
export const sumProducts: Kernel = (node, context) => {
  const { a, b } = node.operands as Record<"a" | "b", Value>;
  reduceChannels({
    label: "sum_products",
    shape: a.shape,
    sums: [{ term: { texels: { a, b }, result: (n) => `${n.a} * ${n.b}` }, y: context.output(node) }],
    perSample: node.output.shape.length === 2,
  }, context);
};

/**
 * Returns WGSL that declares `sum`. `add` is a statement that adds to `run`; it runs for every `at` from `begin` to
 * `end`.
 */
function inRuns(sum: string, begin: string, end: string, add: string): string {
  return wgsl`
    var ${sum} = vec4f();
    {
      let end = ${end};
      for (var first = ${begin}; first < end; first += ${SHORT}u) {
        var run = vec4f();
        for (var at = first; at < min(end, first + ${SHORT}u); at++) { ${add} }
        ${sum} += run;
      }
    }`;
}

/** Plans the sum of `term` over all elements of x, times `scale`. */
function sumAll(label: string, x: Value, term: string, scale: number, y: Resource, context: PlanContext): void {
  const { channels, blocks, pixels, texels } = blocked(x.shape);
  const partial = context.scratch(`${label} of pieces`, Math.ceil(texels / PIECE));
  context.emit(dispatch({
    label,
    reads: { x: context.read(x) },
    writes: { partial },
    uniforms: { channels, blocks, pixels, texels },
    invocations: partial.texels,
    workgroupSize: 8,
    body: wgsl`
      ${
      inRuns(
        "sum",
        `id * ${PIECE}u`,
        `min(u.texels, (id + 1u) * ${PIECE}u)`,
        wgsl`
          let channel = ${channelsOf("(at / u.pixels) % u.blocks")};
          run += select(vec4f(), ${term}, channel < vec4u(u.channels));`,
      )
    }
      partial[id] = sum;`,
  }));
  context.emit(dispatch({
    label: `${label}_end`,
    reads: { partial },
    writes: { y },
    uniforms: { pieces: partial.texels },
    floats: { scale },
    invocations: 1,
    workgroupSize: 8,
    body: wgsl`
      ${inRuns("sum", "0u", "u.pieces", "run += partial(at);")}
      y[0] = vec4f(dot(sum, vec4f(u.scale)), 0.0, 0.0, 0.0);`,
  }));
}

/** scale * the sum of all elements. */
export const sum: Kernel = (node, context) => {
  const { scale } = node.attributes as { scale: number };
  sumAll("sum", (node.operands as { x: Value }).x, "x(at)", scale, context.output(node), context);
};

/** The sum of the squares of all elements. */
export const sumSquares: Kernel = (node, context) =>
  sumAll("sum_squares", (node.operands as { x: Value }).x, "x(at) * x(at)", 1, context.output(node), context);

/** The sum of all elements of all operands. They are small, so one invocation computes it. */
export const total: Kernel = (node, context) => {
  const values = Object.values(node.operands as Readonly<Record<string, Value>>);
  const numbered = <T>(name: string, of: (value: Value) => T) =>
    Object.fromEntries(values.map((value, i) => [`${name}${i}`, of(value)]));
  const extent = (name: "texels" | "blocks" | "pixels" | "channels") =>
    numbered(name, ({ shape }) => blocked(shape)[name]);
  context.emit(dispatch({
    label: "total",
    reads: numbered("x", (value) => context.read(value)),
    writes: { y: context.output(node) },
    uniforms: { ...extent("texels"), ...extent("blocks"), ...extent("pixels"), ...extent("channels") },
    invocations: 1,
    workgroupSize: 8,
    body: wgsl`
      ${
      values.map((_, k) =>
        inRuns(
          `sum${k}`,
          "0u",
          `u.texels${k}`,
          wgsl`
            let channel = ${channelsOf(`(at / u.pixels${k}) % u.blocks${k}`)};
            run += select(vec4f(), x${k}(at), channel < vec4u(u.channels${k}));`,
        )
      )
    }
      y[0] = vec4f(dot(${values.map((_, k) => `sum${k}`).join(" + ")}, vec4f(1.0)), 0.0, 0.0, 0.0);`,
  }));
};

/** A tensor whose elements are all scale * value. */
export const fill: Kernel = (node, context) => {
  const { scale } = node.attributes as { scale: number };
  const numbers = node.operands as { value: Value };
  planFormula(node, { numbers, floats: { scale }, result: (n) => `vec4f(${n.value} * ${n.scale})` }, context);
};
