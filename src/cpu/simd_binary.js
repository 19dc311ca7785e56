// @ts-self-types="./simd_binary.d.ts"
// Plain JavaScript because TypeScript does not know source phase imports yet.
// deno-lint-ignore no-import-prefix -- a module imported from a URL cannot rely on this project's import map
import source binary from "npm:@tensorflow/tfjs-backend-wasm@4.22.0/dist/tfjs-backend-wasm-simd.wasm";

export default binary;
