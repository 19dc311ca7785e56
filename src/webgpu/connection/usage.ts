/**
 * WebGPU's flags as numbers, as its specification defines them. A program that brings its own GPU object may not have
 * the globals GPUBufferUsage, GPUTextureUsage and GPUMapMode.
 *
 * @module
 */

/** Usage flags of buffers. */
export const BUFFER_USAGE = {
  MAP_READ: 0x1,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  QUERY_RESOLVE: 0x200,
} as const;

/** Usage flags of textures. */
export const TEXTURE_USAGE = { COPY_DST: 0x2, STORAGE_BINDING: 0x8 } as const;

/** Modes for mapping buffers. */
export const MAP_MODE = { READ: 0x1 } as const;
