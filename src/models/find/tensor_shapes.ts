/** Shapes by tensor name: a state dict, or what is known of one. */
export type TensorShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;
