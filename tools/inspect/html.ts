/**
 * HTML as text, in which everything that is not marked as HTML is escaped.
 *
 * @module
 */

import { escapeText } from "../../src/plots/svg.ts";

/** Text that is HTML already. */
export class Html {
  /** Marks text as HTML: only for what this program wrote itself. */
  constructor(readonly text: string) {}
}

/** What stands in a template: HTML as it is, lists one after the other, everything else as text. */
export type Content = Html | string | number | undefined | readonly Content[];

/** HTML with escaped content: html`<b>${name}</b>`. Attributes need double quotes around them. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(strings.map((text, i) => text + written(contents[i])).join(""));
}

function written(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "object") return content.map(written).join("");
  return escapeText(String(content));
}
