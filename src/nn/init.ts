/**
 * Initial values of parameters, as in the reference implementation. They are counter-based: the same seed and name give the
 * same values, whatever else was initialised before.
 */

import { type Shape, size } from "../graph/graph.ts";
import { hash, mix } from "../random.ts";

/** Makes the values of a parameter of that shape; `seed` holds the run's seed and the parameter's name. */
export type Initializer = (shape: Shape, seed: string) => Float32Array<ArrayBuffer>;

/** All elements the same. */
export function constant(value: number): Initializer {
  return (shape) => new Float32Array(size(shape)).fill(value);
}

/** Normal with mean 0 (torch.nn.init.normal_). */
export function normal(std: number): Initializer {
  return (shape, seed) => {
    const next = uniforms(seed);
    const out = new Float32Array(size(shape));
    // Box-Muller gives two normals for two uniforms.
    for (let i = 0; i < out.length; i += 2) {
      const radius = std * Math.sqrt(-2 * Math.log(1 - next()));
      const angle = 2 * Math.PI * next();
      out[i] = radius * Math.cos(angle);
      if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
    }
    return out;
  };
}

/**
 * Normal with the variance that keeps gradients' scale through a ReLU: sqrt(2 / fan_out)
 * (torch.nn.init.kaiming_normal_, mode="fan_out"). The last four axes are [Cout, Cin/groups, kh, kw].
 */
export function kaimingFanOut(): Initializer {
  return (shape, seed) => {
    const [cout, , kh, kw] = shape.slice(-4);
    return normal(Math.sqrt(2 / (cout * kh * kw)))(shape, seed);
  };
}

/** Uniform numbers in [0, 1) that depend on the seed alone: a 32-bit counter, mixed. */
function uniforms(seed: string): () => number {
  let state = hash(seed);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return mix(state) / 2 ** 32;
  };
}
