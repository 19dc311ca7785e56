/**
 * Writes SVG text. Text is escaped, and numbers are rounded. Colours follow the reader's light or dark scheme if the
 * viewer supports it, and are those of the light scheme otherwise.
 *
 * @module
 */

import type { Drawn } from "./library.ts";
import type { Color } from "./theme.ts";

/** Attributes that hold lengths and positions. */
const GEOMETRY = ["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "dx", "dy"];

/** Returns a colour for a mark. `scheme` turns it into attributes. */
export function ink({ light, dark }: Color): string {
  return `var(--${light.slice(1)}-${dark.slice(1)})`;
}

/** Turns fills and strokes made by `ink` into attributes with the light colours, and into classes for `darkStyle`. */
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

/**
 * Returns the style sheet for a picture, or for a page of pictures. It applies the dark colours if the reader prefers
 * the dark scheme.
 */
export function darkStyle(svg: string): string {
  const classes = new Set([...svg.matchAll(/\b(?:fill|stroke)-[0-9a-f]{6}-[0-9a-f]{6}\b/g)].map(([name]) => name));
  const rules = [...classes].sort().map((name) => {
    const [property, light, dark] = name.split("-");
    return light === dark ? "" : `.${name}{${property}:#${dark}}`;
  });
  return `@media (prefers-color-scheme:dark){${rules.join("")}}`;
}

/** Returns the library's drawing as text. Its style sheet is removed, because it would affect the rest of the page. */
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

/** Returns an element with its content. */
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

/** Escapes text for SVG and HTML, attributes included. Characters that XML does not allow are replaced. */
export function escapeText(text: string): string {
  return legible(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** Replaces each character that XML does not allow by U+FFFD. */
function legible(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]/g, "\ufffd");
}
