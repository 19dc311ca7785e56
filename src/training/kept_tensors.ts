import type { Module } from "../nn/module.ts";

/** Remembers the tensors of a network. Calling what is returned gives them back; tensors are replaced and never changed. */
export function keepTensors(network: Module): () => void {
  const kept = [...network.namedTensors()].map(([, parameter]) => ({ parameter, tensor: parameter.tensor }));
  return () => {
    for (const { parameter, tensor } of kept) parameter.tensor = tensor;
  };
}
