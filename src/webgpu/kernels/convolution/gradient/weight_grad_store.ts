/**
 * The place in memory where the weight gradient's kernel stores its sums.
 *
 * @module
 */

import type { Shape } from "../../../../graph/graph.ts";
import { channelsOf } from "../../wgsl/numbers.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";
import type { Accumulator } from "./correlation.ts";

/** How a tile is stored. */
export interface WeightGradStore {
  /**
   * Whether the layout is that of packWeights, which must be converted to the layout of values. Otherwise it is the
   * layout of values.
   */
  readonly packed: boolean;
  /** The channels within a texel. */
  readonly vector: "outputs" | "inputs";
  /** Returns WGSL of an accumulator's place within its kernel. */
  readonly index: (sum: Accumulator) => string;
  /** Returns WGSL of whether the accumulator has a place. */
  readonly exists: (sum: Accumulator) => string;
  /** Returns WGSL of which of its channels exist. Undefined if all of them do. */
  readonly there?: (sum: Accumulator) => string;
}

/** Returns the store for a weight of that shape. `groups` is the convolution's number of groups before merging. */
export function weightGradStore(geometry: ConvolutionGeometry, weightShape: Shape, groups: number): WeightGradStore {
  const dynamic = weightShape.length === 5;
  const [outputs, inputs] = weightShape.slice(-4);
  const whole = (block: string, extent: string) => `${channelsOf(`(${block})`)} < vec4u(u.${extent})`;
  const out = ({ output }: Accumulator) => `out_block + ${output}u`;
  const tail = (sum: Accumulator) => `o + ${sum.output}u < u.group_outputs`;
  const tap = ({ tap }: Accumulator) => `tap + ${tap}u`;
  const input = ({ input, lane }: Accumulator) => `((i + ${input}u) * 4u + ${lane}u)`;
  if (geometry.depthwise) {
    return {
      packed: !dynamic,
      vector: "outputs",
      index: (sum) => `(${out(sum)}) * u.taps + ${tap(sum)}`,
      exists: () => "true",
      there: outputs % 4 === 0 ? undefined : (sum) => whole(out(sum), "outputs"),
    };
  }
  if (groups !== geometry.groups) {
    return {
      packed: true,
      vector: "outputs",
      index: (sum) =>
        `(((${out(sum)}) * u.group_inputs + i + ${sum.input}u) * 4u + ${sum.lane}u) * u.taps + ${tap(sum)}`,
      exists: tail,
    };
  }
  if (dynamic) {
    return {
      packed: false,
      vector: "outputs",
      index: (sum) => `((${out(sum)}) * u.inputs + ${input(sum)}) * u.taps + ${tap(sum)}`,
      exists: (sum) => `${tail(sum)} && ${input(sum)} < u.inputs`,
      there: outputs % 4 === 0 ? undefined : (sum) => whole(out(sum), "outputs"),
    };
  }
  const row = (sum: Accumulator) => `((${out(sum)}) * 4u + ${sum.lane}u)`;
  return {
    packed: false,
    vector: "inputs",
    index: (sum) => `(${row(sum)} * u.group_inputs + i + ${sum.input}u) * u.taps + ${tap(sum)}`,
    exists: (sum) => `${tail(sum)} && ${row(sum)} < u.outputs`,
    there: inputs % 4 === 0 ? undefined : (sum) => whole(`i + ${sum.input}u`, "inputs"),
  };
}
