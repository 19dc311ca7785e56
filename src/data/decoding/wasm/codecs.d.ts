/** A codec compiled to WebAssembly. */
export interface WasmCodec {
  /** The compiled module. */
  readonly module: WebAssembly.Module;
  /** Creates a new instance of `module` for `decode`. */
  readonly init: (module: WebAssembly.Module, options: { printErr: (line: string) => void }) => Promise<void>;
  /** Decodes a file to interleaved RGBA. Throws if the codec fails. */
  readonly decode: (
    file: Uint8Array<ArrayBuffer>,
  ) => Promise<{ width: number; height: number; data: Uint8ClampedArray }>;
}

/** mozjpeg's decoder. */
export const jpeg: WasmCodec;

/** libwebp's decoder. */
export const webp: WasmCodec;
