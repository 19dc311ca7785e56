/** Draws the kernel with which a layer convolves an image. */

import { type DynamicLayer, effectiveKernel } from "../mod.ts";
import { mosaic, typicalMost } from "../src/plots/mosaic.ts";
import { differenceColor } from "./colors.ts";
import { element } from "./dom.ts";
import { heatmap } from "./heatmap.ts";
import type { LayerAttentions } from "./network.ts";

/** Shows the layer's kernel under each attention, and their difference, on one colour scale. */
export function kernelPictures(
  { weightShape }: DynamicLayer,
  weight: Float32Array,
  attentions: readonly LayerAttentions[],
): { pictures: HTMLElement[]; caption: string } {
  const shown = attentions.map((each) => mosaic(effectiveKernel(weight, weightShape, each), weightShape));
  const { columns, caption } = shown[0];
  const kernels = shown.map(({ values }) => values);
  const picture = (values: Float32Array, scale: number, label: string) => {
    const color = (v: number) => differenceColor(v / scale);
    return element("div", { class: "kernel" }, heatmap({ values, columns, color, label }));
  };
  const scale = typicalMost(kernels.flatMap((k) => [...k]));
  const pictures = kernels.map((values, i) => picture(values, scale, `effective kernel for image ${"AB"[i]}`));
  if (kernels.length === 2) {
    const difference = kernels[1].map((v, i) => v - kernels[0][i]);
    pictures.push(picture(difference, typicalMost(difference), "effective kernel, B minus A"));
  }
  return { pictures, caption };
}
