import type { Module } from "../nn/module.ts";

/**
 * Keeps the tensors of a network, and returns a function that restores them. Tensors are replaced and never changed.
 */
export function keepTensors(network: Module): () => void {
  const kept = [...network.namedTensors()].map(([, parameter]) => ({ parameter, tensor: parameter.tensor }));
  return () => {
    for (const { parameter, tensor } of kept) parameter.tensor = tensor;
  };
}
