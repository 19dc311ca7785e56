/**
 * Converts weights for kernels that cannot read the layout of all values (./weight_layout.ts): depthwise weights, and
 * weights whose channels do not fill whole blocks of four.
 *
 * @module
 */

import type { Shape } from "../../../../graph/graph.ts";
import { blocksOf } from "../../../plan/layout.ts";
import type { Upload } from "../../../plan/plan.ts";
import type { ConvolutionGeometry } from "../geometry/geometry.ts";

/** Packs n weights [Cout, Cin/groups, kh, kw] of a forward convolution. The n kernels follow each other. */
export function packWeights(
  shape: Shape,
  { kernel: [kh, kw], depthwise, groups: mergedGroups, groupInputs, groupOutputs }: ConvolutionGeometry,
  groups: number,
): Upload["pack"] {
  const [cout, cinPerGroup] = shape.slice(-4);
  const taps = kh * kw;
  if (depthwise) return (data, out) => packDepthwise(cout, taps, data, out);
  const coutPerGroup = cout / groups;
  const merged = groups / mergedGroups;
  return (data, out) =>
    packDense({ cout, cinPerGroup, coutPerGroup, taps, merged, groupInputs, groupOutputs }, data, out);
}

/** [C][1][tap] -> [C/4][tap] texels. */
function packDepthwise(channels: number, taps: number, data: Float32Array, out: Float32Array): void {
  const kernelFloats = blocksOf(channels) * taps * 4;
  for (let from = 0, base = 0; from < data.length; base += kernelFloats) {
    for (let c = 0; c < channels; c++) {
      for (let tap = 0; tap < taps; tap++) out[base + ((c >> 2) * taps + tap) * 4 + (c & 3)] = data[from++];
    }
  }
}

/**
 * [Cout][Cin/groups][tap] -> [group][Cout/4][Cin][tap] texels of four output channels. Cin is padded to whole blocks of
 * four.
 */
function packDense(
  { cout, cinPerGroup, coutPerGroup, taps, merged, groupInputs, groupOutputs }: {
    cout: number;
    cinPerGroup: number;
    coutPerGroup: number;
    taps: number;
    merged: number;
    groupInputs: number;
    groupOutputs: number;
  },
  data: Float32Array,
  out: Float32Array,
): void {
  const blockFloats = groupInputs * 4 * taps * 4;
  const groupFloats = groupOutputs * blockFloats;
  const kernelFloats = (cout / coutPerGroup / merged) * groupFloats;
  for (let from = 0, base = 0; from < data.length; base += kernelFloats) {
    for (let channel = 0; channel < cout; channel++) {
      const original = Math.floor(channel / coutPerGroup);
      const group = Math.floor(original / merged);
      const o = channel - group * merged * coutPerGroup;
      const firstInput = (original - group * merged) * cinPerGroup;
      let to = base + group * groupFloats + (o >> 2) * blockFloats + firstInput * taps * 4 + (o & 3);
      for (let number = 0; number < cinPerGroup * taps; number++, to += 4) out[to] = data[from++];
    }
  }
}
