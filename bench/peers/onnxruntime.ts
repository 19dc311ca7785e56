/**
 * ONNX Runtime Web: its WebGPU execution provider, or WebAssembly on one thread. Its binary is read from the npm
 * package, from the folder of its module.
 *
 * @module
 */

// Peers are named where they are used, so that no other module downloads them.
// deno-lint-ignore-file no-import-prefix
import type { Tensor, TypedTensor } from "npm:onnxruntime-web@1.30.0";
import type { Tensors } from "../../src/graph/backend.ts";
import type { Contestant } from "../contestant.ts";
import { exportOnnx } from "../onnx/export.ts";

/** The build of each provider. With the WebGPU build, WebAssembly would be slower. */
const BUILDS = {
  webgpu: () => import("npm:onnxruntime-web@1.30.0/webgpu"),
  wasm: () => import("npm:onnxruntime-web@1.30.0/wasm"),
} as const;

/** Opens ONNX Runtime with a provider. */
export async function openOnnxRuntime(provider: keyof typeof BUILDS): Promise<Contestant> {
  const ort = await BUILDS[provider]();
  const { env } = ort;
  env.wasm.numThreads = 1;
  env.logLevel = "error";
  return {
    name: `onnxruntime-${provider}`,
    description: `onnxruntime-web ${env.versions.web}, ${provider === "wasm" ? "WASM, 1 thread" : "WebGPU"}`,
    inFlight: 1, // a session refuses a second run
    // A larger batch would run as grouped convolutions on WebGPU, which take minutes here.
    takesDynamic: (batch) => batch === 1 || provider === "wasm",
    async compile(graph) {
      const session = await ort.InferenceSession.create(await exportOnnx(graph), { executionProviders: [provider] });
      return {
        async run(inputs) {
          const feeds: Record<string, Tensor> = {};
          for (const [name, { shape, source }] of graph.inputs) {
            const values = inputs[name] ?? (source.kind === "input" ? source.initial : undefined);
            if (session.inputNames.includes(name)) feeds[name] = new ort.Tensor("float32", values, shape);
          }
          const answer = await session.run(feeds);
          const outputs: Tensors = {};
          for (const name of graph.outputs.keys()) {
            outputs[name] = await (answer[name] as TypedTensor<"float32">).getData() as Float32Array<ArrayBuffer>;
          }
          return outputs;
        },
        dispose: () => session.release(),
      };
    },
  };
}
