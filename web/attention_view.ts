/** The attention view: an overview of all ODConv layers, and the four attentions of one layer for both images. */

import type { AttentionName, DynamicLayer } from "../mod.ts";
import { ATTENTION_WORDS } from "../src/models/model/attention_words.ts";
import { amountColor, type Color, css, differenceColor, textOn } from "./colors.ts";
import { element } from "./dom.ts";
import { heatmap, range } from "./heatmap.ts";
import { kernelPictures } from "./kernel_view.ts";
import type { LayerAttentions, Network } from "./network.ts";
import { type Attentions, Overview } from "./overview.ts";

/** Attentions with at most this many numbers are printed as numbers. */
const MOST_WRITTEN = 49;

/** Shows the attentions of up to two images, by layer. */
export class AttentionView {
  #network: Network | undefined;
  #attentions: Attentions = [];
  #overview: Overview | undefined;
  #weight: { layer: string; values: Promise<Float32Array> } | undefined;
  readonly #detail = element("div", { class: "detail" });

  constructor(private readonly root: HTMLElement) {}

  /** Shows the attentions of a network, one map of layers per image. */
  show(network: Network, attentions: Attentions): void {
    this.#attentions = attentions;
    if (network !== this.#network) this.#start(network);
    else this.#overview?.update(attentions);
    if (this.#overview) this.#showDetail(this.#overview.chosen);
  }

  #start(network: Network): void {
    this.#network = network;
    this.#weight = this.#overview = undefined;
    if (!network.layers.length) {
      const none = "These weights have no ODConv layer: every image meets the same kernels.";
      return this.root.replaceChildren(element("p", {}, none));
    }
    const overview = new Overview(network.layers, this.#attentions, () => this.#showDetail(overview.chosen));
    this.#overview = overview;
    this.root.replaceChildren(overview.root, this.#detail);
    overview.root.querySelector(".layer:has(:checked)")?.scrollIntoView({ block: "nearest" });
  }

  #showDetail(layer: DynamicLayer): void {
    const [n, cout, cin, kh, kw] = layer.weightShape;
    const both = this.#attentions.map((each) => each.get(layer.name) ?? {});
    const heads = ["A", "B", "B − A"].slice(0, both.length === 2 ? 3 : 1);
    const table = element(
      "div",
      { class: `comparison columns-${heads.length}`, role: "table", "aria-label": `Attentions of ${layer.name}` },
      element(
        "div",
        { role: "row", class: "heads" },
        element("span", { role: "columnheader" }),
        ...heads.map((head) => element("span", { role: "columnheader" }, head)),
      ),
      ...ATTENTION_WORDS.flatMap(({ name, symbol, title, about }) => {
        const values = both.flatMap((each) => each[name] ?? []);
        if (!values.length) return [];
        return [row([title, " ", element("i", {}, "a", element("sub", {}, symbol))], about, cells(name, values, kw))];
      }),
    );
    this.#detail.replaceChildren(
      element("h3", {}, layer.name, element("small", {}, ` ${n} × [${cout}, ${cin}, ${kh}, ${kw}]`)),
      table,
    );
    this.#addKernels(layer, both, table);
  }

  async #addKernels(layer: DynamicLayer, both: readonly LayerAttentions[], table: HTMLElement): Promise<void> {
    if (this.#weight?.layer !== layer.name) {
      this.#weight = { layer: layer.name, values: this.#network!.weightOf(layer) };
    }
    const { pictures, caption } = kernelPictures(layer, await this.#weight.values, both);
    table.append(row(["Effective kernel"], caption, pictures));
  }
}

function row(title: (Node | string)[], about: string, values: readonly HTMLElement[]): HTMLElement {
  return element(
    "div",
    { role: "row", class: "row" },
    element("div", { role: "rowheader", class: "about" }, element("b", {}, ...title), element("small", {}, about)),
    ...values.map((value) => element("div", { role: "cell" }, value)),
  );
}

/** Shows an attention of each image on one colour scale, and their difference. */
function cells(name: AttentionName, values: readonly Float32Array[], kw: number): HTMLElement[] {
  const { low, high } = range(...values);
  const span = Math.max(high - low, 0.02);
  const amount = (v: number) => amountColor((v - low) / span);
  const shown = values.map((each) => picture(name, each, kw, amount, (v) => v.toFixed(2)));
  if (values.length < 2) return shown;
  const difference = values[1].map((v, i) => v - values[0][i]);
  const most = Math.max(0.02, ...difference.map(Math.abs));
  const digits = most < 0.1 ? 3 : 2;
  const signed = (v: number) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(digits)}`;
  return [...shown, picture(name, difference, kw, (v) => differenceColor(v / most), signed)];
}

function picture(
  name: AttentionName,
  values: Float32Array,
  kw: number,
  color: (v: number) => Color,
  write: (v: number) => string,
): HTMLElement {
  const isList = name === "channel" || name === "filter";
  if (isList || values.length > MOST_WRITTEN) {
    const { low, high, mean } = range(values);
    const summary = `${write(low)} to ${write(high)}, mean ${write(mean)}`;
    const label = `${values.length} numbers from ${summary}`;
    const columns = isList ? Math.min(values.length, values.length > 256 ? 64 : 16) : kw;
    return element("div", { class: "list" }, heatmap({ values, columns, color, label }), element("small", {}, summary));
  }
  const grid = element("div", { class: `grid ${name}` });
  grid.style.gridTemplateColumns = `repeat(${name === "spatial" ? kw : values.length}, 1fr)`;
  grid.append(...Array.from(values, (v) => {
    const c = color(v);
    return element("span", { style: `background: ${css(c)}; color: ${textOn(c)}` }, write(v));
  }));
  return grid;
}
