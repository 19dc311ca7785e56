/** Shapes by tensor name, from a state dict or from a part of one. */
export type TensorShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;
