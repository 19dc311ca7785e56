/** Helpers that create and find elements. */

/**
 * Attributes and listeners of a new element. A function listens to the event of its name. An `undefined` attribute is
 * left out.
 */
export type Properties = Readonly<Record<string, string | number | boolean | ((event: Event) => void) | undefined>>;

/** Creates an element with attributes, listeners and children. A string becomes text, never markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== undefined && value !== false) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** Returns the element with this id. Throws if the page has none. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element "${id}"`);
  return found as T;
}
