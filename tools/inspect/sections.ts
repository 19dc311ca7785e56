/**
 * The report's other sections: predictions, activations, times, structure of the model.
 *
 * @module
 */

import type { RgbImage } from "../../src/data/pixels/image.ts";
import { softmax, topK } from "../../src/evaluation/accuracy.ts";
import { ATTENTION_WORDS } from "../../src/models/model/attention_words.ts";
import type { Model } from "../../src/models/model/model.ts";
import { type LayerSummary, summarize } from "../../src/models/model/summary.ts";
import { barChart, histogram } from "../../src/plots/mod.ts";
import type { Total } from "../../src/webgpu/profiler/cost.ts";
import { printable } from "../support/printable.ts";
import { type Content, Html, html } from "./html.ts";
import type { Activation, Seen, Times } from "./observe.ts";
import { photograph } from "./pictures.ts";

/** An image of the report. */
export interface Shown {
  /** Its name from the command line. */
  readonly file: string;
  /** The network's view of it: resized and cropped. */
  readonly image: RgbImage;
}

const TOP = 5, CHART = 340, MOST_BARS = 20;
const count = (n: number): string => n.toLocaleString("en");

/** Returns each image with its five likeliest classes. */
export async function answerSection(
  shown: readonly Shown[],
  seen: readonly Seen[],
  names: readonly string[] | undefined,
): Promise<Html> {
  const figures: Html[] = [];
  for (const [i, { file, image }] of shown.entries()) {
    const { logits } = seen[i];
    const probabilities = softmax(logits);
    const top = topK(logits, TOP).map((score) => ({
      ...score,
      name: names?.[score.class] ?? `class ${score.class}`,
      percent: 100 * probabilities[score.class],
    }));
    const bars = top.map(({ name, percent }) => ({
      group: short(name),
      value: percent,
      note: `${percent.toFixed(2)} %`,
    }));
    const title = "Likeliest classes";
    const description = top.map(({ name, percent }) => `${name} ${percent.toFixed(2)} %`).join(", ");
    const chart = await barChart(bars, { label: "probability", unit: "%" }, {
      title,
      description,
      width: CHART,
      most: 100,
      embedded: true,
    });
    const rows = top.map((one) => [one.name, one.class, `${one.percent.toFixed(4)} %`, one.logit.toFixed(5)]);
    figures.push(html`
      <figure class="panel answer">
      <figcaption>${shown.length > 1
        ? html`
          <b>${"AB"[i]}</b>
        `
        : undefined}${printable(file)}</figcaption>
      ${await photograph(
        image,
        `the ${image.width} × ${image.height} pixels that the network sees of ${printable(file)}`,
      )}
      ${new Html(chart)}
      <details><summary>Numbers</summary>${table(["name", "class", "probability", "logit"], rows)}</details>
      </figure>
    `);
  }
  return html`<div class="answers">${figures}</div>`;
}

/** Returns statistics of each layer's output. */
export async function activationSection(seen: readonly Seen[]): Promise<Html> {
  const rows: Content[][] = [];
  for (const [at, { layer, shape }] of seen[0].activations.entries()) {
    for (const [i, { activations }] of seen.entries()) {
      const each = activations[at];
      const start = seen.length > 1
        ? [i ? "" : layer, i ? "" : shape.join(" × "), "AB"[i]]
        : [layer, shape.join(" × ")];
      rows.push([...start, ...await activationCells(each)]);
    }
  }
  const image = seen.length > 1 ? ["image"] : [];
  return html`<p><small>After everything that runs with a layer: batch norm, residual sum, activation. Distributions are
from the least to the largest number.</small></p>
${table(["layer", "shape", ...image, "mean", "std", "min", "max", "zeros", "distribution"], rows)}`;
}

async function activationCells({ layer, mean, std, min, max, zeros, counts }: Activation): Promise<Content[]> {
  const title = `distribution of what ${layer} puts out, from ${digits(min)} to ${digits(max)}`;
  const sketch = new Html(await histogram(counts, { title, embedded: true }));
  return [...[mean, std, min, max].map(digits), `${(100 * zeros).toFixed(1)} %`, sketch];
}

/** Returns the times, as far as the device measures them. */
export async function timeSection({ run, profile }: Times, device: string): Promise<Html> {
  const whole = html`<p>One image takes ${
    run.toFixed(1)
  } ms on ${device}, by the wall clock: the median of several runs,
with upload and answer.</p>`;
  if (!profile) {
    return html`${whole}<p>This device has no clock for single layers; WebGPU has (<code>--device webgpu</code>).</p>`;
  }
  const chart = async (title: string, parts: readonly { name: string; milliseconds: number }[]) => {
    const bars = parts.map(({ name, milliseconds }) => ({ group: short(name), value: milliseconds }));
    const axis = { label: "time on the device", unit: "ms" };
    return html`<div class="scroll">${new Html(
      await barChart(bars, axis, { title, width: 640, embedded: true }),
    )}</div>`;
  };
  const slowest = [...profile.kernels].sort((a, b) => b.milliseconds - a.milliseconds).slice(0, MOST_BARS);
  const together = profile.layers.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return html`${whole}
<p>Its steps one by one take ${together.toFixed(1)} ms by the device's own clock.</p>
${await chart("By stage", profile.stages.map(({ what, milliseconds }) => ({ name: what, milliseconds })))}
${await chart("By kernel", slowest)}
<details><summary>By layer</summary>
${
    table(
      ["layer", "steps", "ms", "% of all", "MFLOP"],
      profile.layers.map((total) => timeRow(total, together)),
    )
  }</details>`;
}

function timeRow({ name, steps, milliseconds, flops }: Total, together: number): Content[] {
  const share = 100 * milliseconds / together;
  return [name, steps, milliseconds.toFixed(3), share.toFixed(1), flops ? (flops / 1e6).toFixed(2) : ""];
}

/** Returns the structure of the model. */
export function modelSection(model: Model): Html {
  const { parameters, madds, published, layers } = summarize(model);
  const rows = layers.map((layer) => [
    layer.name,
    layer.type,
    `${layer.inChannels} → ${layer.outChannels}`,
    layer.kernelSize.join(" × "),
    layer.stride[0],
    layer.groups,
    count(layer.parameters),
    count(layer.madds),
    attentionsOf(layer),
  ]);
  const heads = [
    "layer",
    "type",
    "channels",
    "kernel",
    "stride",
    "groups",
    "parameters",
    "multiply-adds",
    "attentions",
  ];
  return html`<p>${count(parameters)} parameters, ${count(madds)} multiply-adds an image${
    published
      ? `; published: ${published.parametersM}M, ${published.madds}, ImageNet top-1 ${published.top1} %`
      : undefined
  }.</p>
<details><summary>${layers.length} convolutions</summary>${table(heads, rows)}</details>`;
}

/** Lists the layer's attentions, and why it lacks the others. */
function attentionsOf({ type, attentions }: LayerSummary): string {
  if (type === "Conv2d") return "none: a static convolution";
  const has = ATTENTION_WORDS.filter(({ name }) => attentions.includes(name)).map(({ name }) => name);
  const lacks = ATTENTION_WORDS.filter(({ name }) => !attentions.includes(name));
  return [has.join(", "), ...lacks.map(({ name, missing }) => `no ${name}: ${missing}`)].join("; ");
}

/** Returns a table. It scrolls if it is wider than the page. */
function table(heads: readonly string[], rows: readonly (readonly Content[])[]): Html {
  const isNumber = (content: Content) => /^[-−+\d][\d.,%× e−+-]*$/.test(String(content));
  const cell = (content: Content) =>
    isNumber(content) ? html`<td class="number">${content}</td>` : html`<td>${content}</td>`;
  const head = (title: string, i: number) =>
    isNumber(rows[0]?.[i]) ? html`<th scope="col" class="number">${title}</th>` : html`<th scope="col">${title}</th>`;
  return html`
    <div class="scroll" tabindex="0">
      <table>
        <thead>
          <tr>${heads.map(head)}</tr>
        </thead>
        <tbody>
    ${rows.map((row) =>
      html`
        <tr>${row.map(cell)}</tr>
      `
    )}</tbody>
      </table>
    </div>
  `;
}

/** Formats a number with three significant digits. */
function digits(value: number): string {
  return value === 0 ? "0" : Math.abs(value) < 1000 ? value.toPrecision(3) : value.toFixed();
}

/** Shortens a name to the space in a chart. */
function short(name: string): string {
  return name.length > 28 ? `${name.slice(0, 27)}…` : name;
}
