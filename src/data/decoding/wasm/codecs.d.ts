/** A codec compiled to WebAssembly. */
export interface WasmCodec {
  /** The compiled module. */
  readonly module: WebAssembly.Module;
  /** Makes a fresh instance of `module`, which `decode` then uses. */
  readonly init: (module: WebAssembly.Module, options: { printErr: (line: string) => void }) => Promise<void>;
  /** Decodes a file to RGBA, interleaved. Throws where the codec gives up. */
  readonly decode: (
    file: Uint8Array<ArrayBuffer>,
  ) => Promise<{ width: number; height: number; data: Uint8ClampedArray }>;
}

/** mozjpeg's decoder. */
export const jpeg: WasmCodec;

/** libwebp's decoder. */
export const webp: WasmCodec;
