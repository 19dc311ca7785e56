/** The SIMD build of tfjs's WASM kernels, compiled. */
declare const binary: WebAssembly.Module;
export default binary;
