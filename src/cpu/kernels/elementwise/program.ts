/** Evaluates expressions of elementwise operators in loops over numbers, in float64. Each result is rounded once. */

import { type Expression, parts } from "../../../graph/ops/elementwise/expression.ts";

/** Numbers per pass. The results of a pass stay in the cache until the next step reads them. */
const CHUNK = 1024;

/** Computes `count` numbers of one expression from those of its parts. */
type Step = (out: Float64Array, of: readonly Float64Array[], count: number) => void;

const STEPS: Readonly<Record<Exclude<Expression["kind"], "operand" | "constant">, Step>> = {
  neg: (out, [x], count) => {
    for (let i = 0; i < count; i++) out[i] = -x[i];
  },
  abs: (out, [x], count) => {
    for (let i = 0; i < count; i++) out[i] = Math.abs(x[i]);
  },
  exp: (out, [x], count) => {
    for (let i = 0; i < count; i++) out[i] = Math.exp(x[i]);
  },
  sqrt: (out, [x], count) => {
    for (let i = 0; i < count; i++) out[i] = Math.sqrt(x[i]);
  },
  tanh: (out, [x], count) => {
    for (let i = 0; i < count; i++) out[i] = Math.tanh(x[i]);
  },
  add: (out, [a, b], count) => {
    for (let i = 0; i < count; i++) out[i] = a[i] + b[i];
  },
  sub: (out, [a, b], count) => {
    for (let i = 0; i < count; i++) out[i] = a[i] - b[i];
  },
  mul: (out, [a, b], count) => {
    for (let i = 0; i < count; i++) out[i] = a[i] * b[i];
  },
  div: (out, [a, b], count) => {
    for (let i = 0; i < count; i++) out[i] = a[i] / b[i];
  },
  less: (out, [a, b, yes, no], count) => {
    for (let i = 0; i < count; i++) out[i] = a[i] < b[i] ? yes[i] : no[i];
  },
  less_equal: (out, [a, b, yes, no], count) => {
    for (let i = 0; i < count; i++) out[i] = a[i] <= b[i] ? yes[i] : no[i];
  },
};

/** Fills `out` with an expression of the operands, which have the same number of elements. */
export function evaluate(
  expression: Expression,
  operands: Readonly<Record<string, Float32Array>>,
  out: Float32Array,
): void {
  const length = Math.min(CHUNK, out.length);
  const known = new Map<Expression, Float64Array>();
  const loads: { readonly from: Float32Array; readonly to: Float64Array }[] = [];
  const steps: ((count: number) => void)[] = [];
  const place = (part: Expression): Float64Array => {
    let numbers = known.get(part);
    if (numbers) return numbers;
    numbers = new Float64Array(length);
    known.set(part, numbers);
    if (part.kind === "constant") numbers.fill(part.value);
    else if (part.kind === "operand") loads.push({ from: operands[part.name], to: numbers });
    else {
      const [step, of, to] = [STEPS[part.kind], parts(part).map(place), numbers];
      steps.push((count) => step(to, of, count));
    }
    return numbers;
  };
  const result = place(expression);
  for (let first = 0; first < out.length; first += CHUNK) {
    const count = Math.min(CHUNK, out.length - first);
    for (const { from, to } of loads) to.set(from.subarray(first, first + count));
    for (const step of steps) step(count);
    out.set(count === length ? result : result.subarray(0, count), first);
  }
}
