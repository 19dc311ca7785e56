/** Arguments of layers as Python prints them. */

/** A number as Python's repr() writes a float: 1e-05, 0.1, 1. Whole numbers have no decimal point. */
export function pythonNumber(value: number): string {
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return String(value);
}

/** A tuple: (3, 3). */
export function pythonTuple(values: readonly number[]): string {
  return `(${values.map(pythonNumber).join(", ")})`;
}

/** True or False. */
export function pythonBoolean(value: boolean): string {
  return value ? "True" : "False";
}
