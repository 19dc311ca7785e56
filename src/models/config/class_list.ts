import { MAX_CLASSES } from "./inference_config.ts";

/**
 * Returns the class names in a JSON value: a list, or an object with every index from 0, {"0": name, "1": name}.
 * Returns undefined if it is neither. The names are not checked.
 */
export function classList(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return undefined;
  const names = value as Readonly<Record<string, unknown>>;
  const { length } = Object.keys(names);
  if (length > MAX_CLASSES) return undefined;
  const list = Array.from({ length }, (_, index) => Object.hasOwn(names, index) ? names[index] : undefined);
  return list.includes(undefined) ? undefined : list;
}
