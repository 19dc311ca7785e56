/**
 * The WebAssembly codecs: mozjpeg's decoder (libjpeg-turbo's arithmetic) and libwebp, as packed by jSquash. Only this
 * file in this folder names them.
 *
 * It is JavaScript, because TypeScript does not yet parse source-phase imports. Such an import gives a compiled module
 * without permission to read files or to fetch. For browsers without source-phase imports, a bundler or an import map
 * replaces this file.
 */

// @ts-self-types="./codecs.d.ts"

// A URL import does not see this project's import map, so the specifiers are written out.
// deno-lint-ignore-file no-import-prefix
import source jpegModule from "npm:@jsquash/jpeg@1.6.0/codec/dec/mozjpeg_dec.wasm";
import source webpModule from "npm:@jsquash/webp@1.5.0/codec/dec/webp_dec.wasm";
import decodeJpeg, { init as initJpeg } from "npm:@jsquash/jpeg@1.6.0/decode.js";
import decodeWebp, { init as initWebp } from "npm:@jsquash/webp@1.5.0/decode.js";

export const jpeg = { module: jpegModule, init: initJpeg, decode: decodeJpeg };
export const webp = { module: webpModule, init: initWebp, decode: decodeWebp };
