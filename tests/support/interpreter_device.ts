/** A device that computes in float64, as the reference for executors that train. */

import type { Backend, Tensors } from "../../src/graph/backend.ts";
import { interpret } from "./float64_interpreter.ts";

/** Opens the device. Between runs its parameters are float32, as on every device. */
export function interpreterDevice(): Backend {
  return {
    name: "cpu",
    description: "the float64 interpreter",
    async compile(graph) {
      const parameters: Tensors = {};
      for (const [name, { source }] of graph.parameters) {
        if (source.kind === "parameter") parameters[name] = await source.load();
      }
      const read = (names: Iterable<string>): Tensors =>
        Object.fromEntries([...names].map((name) => [name, parameters[name].slice()]));
      return {
        run(inputs) {
          const updates = [...graph.updates];
          const wanted = [...graph.outputs.values(), ...updates.map(([, value]) => value)];
          const values = interpret(graph, { ...parameters, ...inputs }, wanted);
          updates.forEach(([{ name }], i) => parameters[name] = Float32Array.from(values[graph.outputs.size + i]));
          const outputs = [...graph.outputs.keys()].map((name, i) => [name, Float32Array.from(values[i])]);
          return Promise.resolve(Object.fromEntries(outputs));
        },
        read: (names) => Promise.resolve(read(names)),
        dispose() {},
      };
    },
    dispose() {},
  };
}
