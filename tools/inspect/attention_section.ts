/**
 * The report's section on attentions: the four of each ODConv layer, for one image, or for two images and their
 * difference.
 *
 * @module
 */

import { toFloat32 } from "../../src/checkpoint/tensors/float32.ts";
import { type AttentionName, type DynamicLayer, effectiveKernel } from "../../src/models/model/attention.ts";
import { ATTENTION_WORDS } from "../../src/models/model/attention_words.ts";
import type { Model } from "../../src/models/model/model.ts";
import { heatmap, mosaic, typicalMost } from "../../src/plots/mod.ts";
import { Html, html } from "./html.ts";
import type { Observation } from "./observe.ts";
import { amounts, differences, picture, type Scale } from "./pictures.ts";

/** Attentions with at most this many numbers are printed as numbers. */
const MOST_WRITTEN = 49;
/** Columns of a picture of channels: `MANY_COLUMNS` for more than `MANY` channels, otherwise `FEW_COLUMNS`. */
const FEW_COLUMNS = 16, MANY_COLUMNS = 64, MANY = 256;

/** Column headings. */
const heads = (images: number): string[] => images === 2 ? ["A", "B", "B − A"] : ["attention"];

/** Returns the section. All layers are collapsed, except the one that differs most. */
export async function attentionSection(model: Model, { layers, seen }: Observation): Promise<Html> {
  if (!layers.length) {
    return html`<p>These weights have no ODConv layer: every image meets the same kernels.</p>`;
  }
  const amountsOf = layers.map((layer) => {
    return ATTENTION_WORDS.map(({ name }) => contrast(seen.map((each) => each.attentions.get(layer.name)![name])));
  });
  const sums = amountsOf.map((each) => each.reduce((sum: number, amount) => sum + (amount ?? 0), 0));
  const chosen = sums.indexOf(Math.max(...sums));
  const weights = model.stateDict();
  const shown: Html[] = [];
  for (const [i, layer] of layers.entries()) {
    const weight = await toFloat32(weights.get(`${layer.name}.weight`)!);
    const [n, ...shape] = layer.weightShape;
    const differs = ATTENTION_WORDS.flatMap(({ title }, a) => {
      const amount = amountsOf[i][a];
      return amount === undefined ? [] : [`${title.toLowerCase()} ${amount.toFixed(3)}`];
    });
    shown.push(html`
      <details${i === chosen ? new Html(" open") : undefined}>
      <summary><b>${layer.name}</b> <small>${n} × [${shape.join(", ")}]; ${differs.join(", ")}</small></summary>
      ${await rows(layer, weight, seen.map(({ attentions }) => attentions.get(layer.name)!))}
      </details>
    `);
  }
  const measure = seen.length === 2
    ? "the mean magnitude of the difference between the images"
    : "the standard deviation within the image";
  return html`<p><small>Beside each layer, of each attention: ${measure}. The layer where they are largest is open.
</small></p>
${shown}`;
}

/** Measures an attention: its mean difference between two images, or its spread within one. */
function contrast(values: readonly (Float32Array | undefined)[]): number | undefined {
  const [a, b] = values;
  if (!a) return undefined;
  const mean = (numbers: Float32Array) => numbers.reduce((sum, v) => sum + v, 0) / numbers.length;
  if (b) return mean(a.map((v, i) => Math.abs(b[i] - v)));
  const middle = mean(a);
  return Math.sqrt(mean(a.map((v) => (v - middle) ** 2)));
}

type LayerAttentions = Parameters<typeof effectiveKernel>[2];

async function rows(layer: DynamicLayer, weight: Float32Array, seen: readonly LayerAttentions[]): Promise<Html> {
  const columns = heads(seen.length);
  const attentions: Html[] = [];
  for (const { name, symbol, title, about, missing } of ATTENTION_WORDS) {
    const values = seen.flatMap((each) => each[name] ?? []);
    const what = html`${title} <i>a<sub>${symbol}</sub></i>`;
    const cells = values.length
      ? await attentionCells(layer, name, values)
      : [html`<td colspan="${columns.length}">none: ${missing}</td>`];
    attentions.push(html`
      <tr><th scope="row">${what}<small>${about}</small></th>${cells}</tr>
    `);
  }
  return html`
    <div class="scroll">
      <table class="attentions">
        <thead>
          <tr><td></td>${columns.map((head) => html`<th scope="col">${head}</th>`)}</tr>
        </thead>
        <tbody>
    ${attentions}${await kernelRow(layer, weight, seen)}</tbody>
      </table>
    </div>
  `;
}

/** Shows an attention of each image on one scale, and their difference. */
async function attentionCells(
  { name: layer, weightShape }: DynamicLayer,
  attention: AttentionName,
  values: readonly Float32Array[],
): Promise<Html[]> {
  const all = values.flatMap((each) => [...each]);
  const scale = { low: Math.min(...all), high: Math.max(...all) };
  const title = (head: string) => `${layer}, ${attention} attention${values.length === 2 ? `, ${head}` : ""}`;
  const columns = heads(values.length);
  const shown = values.map((each, i) => ({
    values: each,
    title: title(columns[i]),
    scale: { low: scale.low, high: Math.max(scale.high, scale.low + 0.02) },
    pixels: amounts(scale.low, scale.high),
    write: (v: number) => v.toFixed(2),
  }));
  const difference = differenceOf(values);
  const most = Math.max(0.02, ...difference?.map(Math.abs) ?? []);
  const compared = difference
    ? [{
      values: difference,
      title: title(columns[2]),
      scale: { most },
      pixels: differences(most),
      write: (v: number) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(most < 0.1 ? 3 : 2)}`,
    }]
    : [];
  const isGrid = attention === "spatial" || attention === "kernel";
  const inRow = attention === "spatial" ? weightShape[4] : all.length / values.length;
  return await Promise.all([...shown, ...compared].map(async ({ values, title, scale, pixels, write }) => {
    if (isGrid && values.length <= MOST_WRITTEN) {
      const panel = { values, columns: inRow, scale, write };
      return html`<td>${new Html(await heatmap([panel], { title, embedded: true, bare: true }))}</td>`;
    }
    return await listCell(values, title, isGrid ? inRow : columnsOf(values.length), pixels, write);
  }));
}

function columnsOf(channels: number): number {
  return Math.min(channels, channels > MANY ? MANY_COLUMNS : FEW_COLUMNS);
}

async function listCell(
  values: Float32Array,
  title: string,
  columns: number,
  scale: Scale,
  write: (value: number) => string,
): Promise<Html> {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const summary = `${values.length}: ${write(low)} to ${write(high)}, mean ${write(mean)}`;
  return html`<td>${await picture(values, columns, scale, `${title}: ${summary}`)}<small>${summary}</small></td>`;
}

async function kernelRow(
  { name, weightShape }: DynamicLayer,
  weight: Float32Array,
  seen: readonly LayerAttentions[],
): Promise<Html> {
  const shown = seen.map((each) => mosaic(effectiveKernel(weight, weightShape, each), weightShape));
  const kernels = shown.map(({ values }) => values);
  const common = differences(typicalMost(kernels.flatMap((each) => [...each])));
  const { columns, caption } = shown[0];
  const cell = async (values: Float32Array, scale: Scale, head: string) =>
    html`<td>${await picture(values, columns, scale, `${name}, effective kernel, ${head}`)}</td>`;
  const names = heads(seen.length);
  const cells = await Promise.all(kernels.map((values, i) => cell(values, common, names[i])));
  const difference = differenceOf(kernels);
  if (difference) cells.push(await cell(difference, differences(typicalMost(difference)), names[2]));
  return html`
    <tr><th scope="row">Effective kernel<small>${caption}</small></th>${cells}</tr>
  `;
}

function differenceOf([a, b]: readonly Float32Array[]): Float32Array | undefined {
  return b && a.map((v, i) => b[i] - v);
}
