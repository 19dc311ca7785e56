/** Arguments of layers as Python prints them. */

/** A number as Python's repr() writes a float: 1e-05, 0.1, 1. Whole numbers have no decimal point. */
export function pythonNumber(value: number): string {
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return String(value);
}

/** A tuple: (3, 3), or (3,) of one. */
export function pythonTuple(values: readonly (number | string)[]): string {
  const items = values.map((value) => typeof value === "number" ? pythonNumber(value) : value);
  return items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
}

/** An argument that is one number, or one for each direction. */
export function pythonPair(value: number | readonly number[]): string {
  return typeof value === "number" ? pythonNumber(value) : pythonTuple(value);
}

/** A number as Python's repr() writes a float, whole numbers with a decimal point: 2.0. */
export function pythonFloat(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? `${value}.0` : pythonNumber(value);
}

/** True or False. */
export function pythonBoolean(value: boolean): string {
  return value ? "True" : "False";
}
