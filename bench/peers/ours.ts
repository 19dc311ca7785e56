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
          // Laying row-major tensors out and back does not count, as it does not for peers.
          const computes = times.filter((_, i) => executable.plan.steps[i].of);
          return computes.reduce((ms, { milliseconds }) => ms + milliseconds, 0);
        },
        dispose: () => executable.dispose(),
      };
    },
  };
}
