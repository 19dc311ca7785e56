/** A value in a pickle: a plain value, or a result of a function in the caller's table. */
export type PickleValue = unknown;
