/**
 * Builds HTML as text. Everything that is not marked as HTML is escaped.
 *
 * @module
 */

import { escapeText } from "../../src/plots/svg.ts";

/** Text that is HTML. */
export class Html {
  /** Marks text as HTML. Use it only for text that this program wrote. */
  constructor(readonly text: string) {}
}

/**
 * Content of a template: HTML is inserted unchanged, the items of a list one after the other, everything else as
 * escaped text.
 */
export type Content = Html | string | number | undefined | readonly Content[];

/** Returns HTML with escaped content: html`<b>${name}</b>`. Attributes need double quotes. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(strings.map((text, i) => text + written(contents[i])).join(""));
}

function written(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "object") return content.map(written).join("");
  return escapeText(String(content));
}
