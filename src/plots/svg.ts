/**
 * SVG as text: escaped, with numbers of sensible length, and with colours that follow the reader's scheme where the viewer
 * can and are those of the light one where it cannot.
 *
 * @module
 */

import type { Drawn } from "./library.ts";
import type { Color } from "./theme.ts";

/** Attributes that hold lengths and places. */
const GEOMETRY = ["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "dx", "dy"];

/** A colour for a mark; `scheme` makes attributes of it. */
export function ink({ light, dark }: Color): string {
  return `var(--${light.slice(1)}-${dark.slice(1)})`;
}

/** Fills and strokes of `ink` become attributes in the light scheme's colours and classes that `darkStyle` knows. */
function scheme(markup: string): string {
  return markup.replace(/<[a-z]+ [^>]*var\(--[^>]*>/g, (tag) => {
    const classes: string[] = [];
    const plain = tag.replace(
      /(fill|stroke)="var\(--([0-9a-f]{6})-([0-9a-f]{6})\)"/g,
      (_, property: string, light, dark) => {
        classes.push(`${property}-${light}-${dark}`);
        return `${property}="#${light}"`;
      },
    );
    const known = / class="([^"]*)"/.exec(plain);
    if (known) return plain.replace(known[0], ` class="${[known[1], ...classes].join(" ")}"`);
    return plain.replace(/^<[a-z]+/, (start) => `${start} class="${classes.join(" ")}"`);
  });
}

/** The style sheet that gives a picture, or a page of them, the dark scheme's colours where the reader wants those. */
export function darkStyle(svg: string): string {
  const classes = new Set([...svg.matchAll(/\b(?:fill|stroke)-[0-9a-f]{6}-[0-9a-f]{6}\b/g)].map(([name]) => name));
  const rules = [...classes].sort().map((name) => {
    const [property, light, dark] = name.split("-");
    return light === dark ? "" : `.${name}{${property}:#${dark}}`;
  });
  return `@media (prefers-color-scheme:dark){${rules.join("")}}`;
}

/** What the library drew, as text: without its style sheet, which would reach out of the picture. */
export function serialize(drawn: Drawn): string {
  for (const style of [...drawn.querySelectorAll("style")]) style.remove();
  for (const element of [drawn, ...drawn.querySelectorAll("*")]) {
    for (const name of GEOMETRY) {
      const value = element.getAttribute(name);
      if (value) element.setAttribute(name, value.replace(/-?\d+\.\d{3,}(e-?\d+)?/g, (n) => String(round(Number(n)))));
    }
  }
  return scheme(legible(drawn.outerHTML));
}

function round(value: number): number {
  return Math.round(value * 100) / 100 + 0;
}

/** A start tag and what is in it. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...content: readonly string[]
): string {
  const written = Object.entries(attributes).map(([key, value]) => {
    return ` ${key}="${escapeText(String(typeof value === "number" ? round(value) : value))}"`;
  });
  return scheme(`<${name}${written.join("")}>${content.join("")}</${name}>`);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text that stands for itself in SVG and HTML, in attributes too. Characters that XML does not allow are replaced. */
export function escapeText(text: string): string {
  return legible(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** The text with U+FFFD for each character that XML does not allow. */
function legible(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]/g, "\ufffd");
}
