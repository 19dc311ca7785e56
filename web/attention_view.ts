/** The attention view: an overview of all ODConv layers, and the four attentions of one of them for both images. */

import type { AttentionName, DynamicLayer } from "../mod.ts";
import { amountColor, type Color, css, differenceColor, textOn } from "./colors.ts";
import { element } from "./dom.ts";
import { heatmap, range } from "./heatmap.ts";
import { kernelPictures } from "./kernel_view.ts";
import type { LayerAttentions, Network } from "./network.ts";

/** What the paper calls an attention, and what it does. */
const ATTENTIONS: readonly { name: AttentionName; symbol: string; title: string; about: string }[] = [
  { name: "spatial", symbol: "s", title: "Position", about: "which places of the k × k kernel count" },
  { name: "channel", symbol: "c", title: "Input channel", about: "which features it listens to" },
  { name: "filter", symbol: "f", title: "Output channel", about: "which features it speaks of" },
  { name: "kernel", symbol: "w", title: "Kernel", about: "how its n kernels are mixed" },
];

/** Attentions with so few numbers have them written out. */
const MOST_WRITTEN = 49;

/** Shows the attentions of up to two images, by layer. */
export class AttentionView {
  #layer: string | undefined;
  #network: Network | undefined;
  #attentions: readonly ReadonlyMap<string, LayerAttentions>[] = [];
  #weight: { layer: string; values: Promise<Float32Array> } | undefined;
  readonly #overview = element("fieldset", { class: "overview" });
  readonly #detail = element("div", { class: "detail" });

  constructor(private readonly root: HTMLElement) {}

  /** Shows what a network attended to: one map of layers an image. */
  show(network: Network, attentions: readonly ReadonlyMap<string, LayerAttentions>[]): void {
    if (network !== this.#network) this.#weight = undefined;
    this.#network = network;
    this.#attentions = attentions;
    const { layers } = network;
    if (!layers.length) {
      this.root.replaceChildren(
        element("p", {}, "These weights have no ODConv layer: every image meets the same kernels."),
      );
      return;
    }
    const isNew = !layers.some(({ name }) => name === this.#layer);
    if (isNew) this.#layer = this.#liveliest(layers);
    if (!this.root.contains(this.#detail)) this.root.replaceChildren(this.#overview, this.#detail);
    this.#showOverview(layers);
    if (isNew) this.#overview.querySelector(".layer:has(:checked)")?.scrollIntoView({ block: "nearest" });
    this.#showDetail(layers.find(({ name }) => name === this.#layer)!);
  }

  /** Where the attentions differ most. */
  #liveliest(layers: readonly DynamicLayer[]): string {
    const total = ({ name }: DynamicLayer) => ATTENTIONS.reduce((sum, a) => sum + (this.#amount(name, a.name) ?? 0), 0);
    return layers.reduce((best, layer) => total(layer) > total(best) ? layer : best).name;
  }

  #showOverview(layers: readonly DynamicLayer[]): void {
    const focused = this.#overview.contains(document.activeElement);
    const amounts = layers.map(({ name }) => ATTENTIONS.map((a) => this.#amount(name, a.name)));
    const most = ATTENTIONS.map((_, row) => Math.max(1e-6, ...amounts.map((column) => column[row] ?? 0)));
    const what = this.#attentions.length === 2
      ? "How much each attention differs between the images"
      : "How uneven it is";
    const columns = layers.map(({ name }, i) =>
      element(
        "label",
        { class: "layer", title: name },
        element("input", {
          type: "radio",
          name: "layer",
          value: name,
          checked: name === this.#layer,
          change: () => {
            this.#layer = name;
            this.#showDetail(layers[i]);
          },
        }),
        ...amounts[i].map((amount, row) => {
          const color = amount === undefined ? undefined : amountColor(amount / most[row]);
          return element("span", { class: "cell", style: color && `background: ${css(color)}` });
        }),
        element("span", { class: "layer-name" }, name.replace(/^(layer|features\.?)/, "").replace("conv", "")),
      )
    );
    const names = element(
      "div",
      { class: "rows", "aria-hidden": "true" },
      ...ATTENTIONS.map(({ title }) => element("span", {}, title)),
    );
    this.#overview.replaceChildren(
      element("legend", {}, `${what}, layer by layer. Choose one:`),
      element("div", { class: "layers" }, names, ...columns),
    );
    if (focused) this.#overview.querySelector<HTMLInputElement>("input:checked")?.focus();
  }

  /** Mean difference between the images; with one image, the spread within it. */
  #amount(layer: string, attention: AttentionName): number | undefined {
    const [a, b] = this.#attentions.map((each) => each.get(layer)?.[attention]);
    if (!a) return undefined;
    if (b) return a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0) / a.length;
    const { low, high } = range(a);
    return high - low;
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
      ...ATTENTIONS.flatMap(({ name, symbol, title, about }) => {
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

/** An attention for each image under one scale, and how they differ. */
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
