/**
 * A value from a file in an error's message. It may be megabytes long, nested a million deep, contain itself or double at
 * every level: JSON.stringify and String overflow the stack on such values, or never end.
 *
 * @module
 */

/** Characters of a text, and items of a list, that are shown. */
const MAX_TEXT = 120, MAX_ITEMS = 8;

/** The value as JSON if it is short. Long or nested values are cut. Never throws. */
export function excerpt(value: unknown): string {
  if (!Array.isArray(value)) return item(value);
  const items = value.slice(0, MAX_ITEMS).map(item);
  return `[${value.length > MAX_ITEMS ? [...items, "..."] : items}]`;
}

function item(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}...` : value);
  }
  if (Array.isArray(value)) return value.length ? "[...]" : "[]";
  if (typeof value === "object" && value !== null) return "{...}";
  return value === undefined ? "nothing" : String(value);
}
