/**
 * WebGPU's flags by their numbers, as its specification fixes them: a program that brings its own GPU object need not
 * have the globals GPUBufferUsage, GPUTextureUsage and GPUMapMode.
 *
 * @module
 */

/** What buffers are used for. */
export const BUFFER_USAGE = {
  MAP_READ: 0x1,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  QUERY_RESOLVE: 0x200,
} as const;

/** What textures are used for. */
export const TEXTURE_USAGE = { COPY_DST: 0x2, STORAGE_BINDING: 0x8 } as const;

/** How buffers are mapped. */
export const MAP_MODE = { READ: 0x1 } as const;
