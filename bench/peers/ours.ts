import type { Backend, Tensors } from "../../src/graph/backend.ts";
import { WebGpuBackend } from "../../src/webgpu/device.ts";
import type { Contestant } from "../contestant.ts";

/** This project on one of its devices. */
export function ours(backend: Backend, inFlight: number): Contestant {
  return {
    name: "odconv",
    description: `odconv on ${backend.description}`,
    inFlight,
    takesDynamic: () => true,
    async compile(graph) {
      if (!(backend instanceof WebGpuBackend)) return await backend.compile(graph);
      const executable = await backend.compile(graph);
      return {
        run: (inputs) => executable.run(inputs),
        kernelMs: async (inputs: Tensors) => {
          const times = await executable.profile(inputs);
          // The conversion of row-major tensors does not count here. It does not count for peers either.
          const computes = times.filter((_, i) => executable.plan.steps[i].of);
          return computes.reduce((ms, { milliseconds }) => ms + milliseconds, 0);
        },
        dispose: () => executable.dispose(),
      };
    },
  };
}
