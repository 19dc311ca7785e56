/** Shows all ODConv layers: how much each attention differs between the images. The user chooses a layer here. */

import type { AttentionName, DynamicLayer } from "../mod.ts";
import { ATTENTION_WORDS } from "../src/models/model/attention_words.ts";
import { amountColor, css } from "./colors.ts";
import { element } from "./dom.ts";
import { range } from "./heatmap.ts";
import type { LayerAttentions } from "./network.ts";

/** Attentions by layer, one map per image. */
export type Attentions = readonly ReadonlyMap<string, LayerAttentions>[];

/** A column of cells for each layer. Each column is a radio button. */
export class Overview {
  /** The element for the page. */
  readonly root: HTMLElement = element("fieldset", { class: "overview" });
  /** The layer that is shown. */
  chosen: DynamicLayer;
  readonly #layers: readonly DynamicLayer[];
  readonly #legend = element("legend");
  /**
   * By layer, then by attention. Cells are recoloured and never replaced, so that keyboard focus and scroll position do
   * not change.
   */
  readonly #cells: readonly (readonly HTMLElement[])[];

  /** Chooses the layer where the attentions differ most. Calls `changed` whenever the user chooses another layer. */
  constructor(layers: readonly DynamicLayer[], attentions: Attentions, changed: () => void) {
    this.#layers = layers;
    const total = ({ name }: DynamicLayer) =>
      ATTENTION_WORDS.reduce((sum, a) => sum + (amount(attentions, name, a.name) ?? 0), 0);
    this.chosen = layers.reduce((best, layer) => total(layer) > total(best) ? layer : best);
    this.#cells = layers.map(() => ATTENTION_WORDS.map(() => element("span", { class: "cell" })));
    const columns = layers.map((layer, i) =>
      element(
        "label",
        { class: "layer", title: layer.name },
        element("input", {
          type: "radio",
          name: "layer",
          value: layer.name,
          checked: layer === this.chosen,
          change: () => {
            this.chosen = layer;
            changed();
          },
        }),
        ...this.#cells[i],
        element("span", { class: "layer-name" }, shortened(layer.name)),
      )
    );
    const titles = ATTENTION_WORDS.map(({ title }) => element("span", {}, title));
    const names = element("div", { class: "rows", "aria-hidden": "true" }, ...titles);
    this.root.append(this.#legend, element("div", { class: "layers" }, names, ...columns));
    this.update(attentions);
  }

  /** Shows other attentions of the same layers. */
  update(attentions: Attentions): void {
    const what = attentions.length === 2 ? "How much each attention differs between the images" : "How uneven it is";
    this.#legend.textContent = `${what}, layer by layer. Choose one:`;
    ATTENTION_WORDS.forEach(({ name }, row) => {
      const amounts = this.#layers.map((layer) => amount(attentions, layer.name, name));
      const most = Math.max(1e-6, ...amounts.map((each) => each ?? 0));
      amounts.forEach((each, i) => {
        this.#cells[i][row].style.background = each === undefined ? "" : css(amountColor(each / most));
      });
    });
  }
}

/**
 * Returns the mean difference between the images; with one image, the spread within it; undefined if the layer does not
 * have the attention.
 */
function amount(attentions: Attentions, layer: string, attention: AttentionName): number | undefined {
  const [a, b] = attentions.map((each) => each.get(layer)?.[attention]);
  if (!a) return undefined;
  if (b) return a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0) / a.length;
  const { low, high } = range(a);
  return high - low;
}

/** "layer1.0.conv2" -> "1.0.2", "features.3.conv.0.0" -> "3.0.0". */
function shortened(name: string): string {
  return name.replace(/^(layer|features\.)/, "").replace(/\.conv\.?/, ".");
}
