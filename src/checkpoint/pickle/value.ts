/** What a pickle can hold: plain values, and what the functions of the caller's table make. */
export type PickleValue = unknown;
