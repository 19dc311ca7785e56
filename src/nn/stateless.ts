/** Layers without parameters, by PyTorch's names. */

import { checkNumber, COUNT, COUNT_FROM_ZERO, PROBABILITY } from "../arguments.ts";
import type { Value } from "../graph/graph.ts";
import { dropoutMask } from "../graph/ops/dropout_mask.ts";
import { dropout, mul } from "../graph/ops/elementwise.ts";
import { flatten, padChannels } from "../graph/ops/layout.ts";
import { avgPool2d, globalAvgPool, maxPool2d, type PoolAttributes } from "../graph/ops/pooling.ts";
import type { Pair } from "../graph/ops/shared.ts";
import { hash } from "../random.ts";
import { Module, type Trace } from "./module.ts";
import { pythonNumber, pythonPair } from "./repr.ts";
import { pair } from "./pair.ts";

/** torch.nn.Flatten: [B, ...] -> [B, product of the rest]. */
export class Flatten extends Module {
  /** Emits flatten. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(flatten, { x }, {});
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return "start_dim=1, end_dim=-1";
  }
}

/**
 * torch.nn.Dropout: the identity outside training. In training the mask is a function of the graph's inputs "dropout_seed"
 * and "dropout_step" and of the layer's path: the same on every device.
 */
export class Dropout extends Module {
  /** Probability of a zero. */
  readonly p: number;

  /** Arguments as torch.nn.Dropout's. Throws ArgumentError if p is no number from 0 to 1. */
  constructor(p: number = 0.5) {
    super();
    checkNumber("p", p, PROBABILITY);
    this.p = p;
  }

  /** Emits dropout, or in training the product of x and a mask. */
  override forward(trace: Trace, x: Value): Value {
    if (!trace.training) return trace.apply(dropout, { x }, { p: this.p });
    if (this.p === 0) return x;
    const [seed, step] = [trace.scalar("dropout_seed", 0), trace.scalar("dropout_step", 0)];
    const mask = trace.apply(dropoutMask, { seed, step }, { shape: x.shape, p: this.p, salt: hash(trace.path) });
    return trace.apply(mul, { x, scale: mask }, {});
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return `p=${pythonNumber(this.p)}, inplace=False`;
  }
}

/** torch.nn.AdaptiveAvgPool2d(1) and flatten in one: [B, C, H, W] -> [B, C]. */
export class GlobalAvgPool extends Module {
  /** Emits global_avg_pool. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(globalAvgPool, { x }, {});
  }
}

/** Arguments of the sliding-window poolings; a single number counts for both directions. */
export interface PoolOptions {
  /** The kernel's size if left out, as in PyTorch. */
  readonly stride?: number | Pair;
  /** On each side; 0 if left out. */
  readonly padding?: number | Pair;
}

/** PyTorch refuses a padding above half of the window, too: such a window could see nothing but padding. */
function poolAttributes(k: number | Pair, { stride = k, padding = 0 }: PoolOptions): PoolAttributes {
  checkNumber("kernelSize", k, COUNT);
  checkNumber("stride", stride, COUNT);
  const kernelSize = pair("kernelSize", k);
  const around = pair("padding", padding);
  around.forEach((zeros, i) =>
    checkNumber("padding", zeros, { ...COUNT_FROM_ZERO, most: Math.floor(kernelSize[i] / 2) })
  );
  return { kernelSize, stride: pair("stride", stride), padding: around };
}

/** torch.nn.MaxPool2d. */
export class MaxPool2d extends Module {
  readonly #attributes: PoolAttributes;
  readonly #repr: string;

  /**
   * Arguments as torch.nn.MaxPool2d's. Throws ArgumentError if one is no whole number, or the padding is above half of the
   * window.
   */
  constructor(kernelSize: number | Pair, options: PoolOptions = {}) {
    super();
    this.#attributes = poolAttributes(kernelSize, options);
    this.#repr = poolRepr(kernelSize, options);
  }

  /** Emits max_pool2d. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(maxPool2d, { x }, this.#attributes);
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return `${this.#repr}, dilation=1, ceil_mode=False`;
  }
}

/** torch.nn.AvgPool2d (padding counts as zeros). */
export class AvgPool2d extends Module {
  readonly #attributes: PoolAttributes;
  readonly #repr: string;

  /**
   * Arguments as torch.nn.AvgPool2d's. Throws ArgumentError if one is no whole number, or the padding is above half of the
   * window.
   */
  constructor(kernelSize: number | Pair, options: PoolOptions = {}) {
    super();
    this.#attributes = poolAttributes(kernelSize, options);
    this.#repr = poolRepr(kernelSize, options);
  }

  /** Emits avg_pool2d. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(avgPool2d, { x }, this.#attributes);
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return this.#repr;
  }
}

/** The arguments of a pooling, as they were given. */
function poolRepr(k: number | Pair, { stride = k, padding = 0 }: PoolOptions): string {
  return `kernel_size=${pythonPair(k)}, stride=${pythonPair(stride)}, padding=${pythonPair(padding)}`;
}

/** The parameter-free shortcut of He et al. 2015, option A: every stride-th pixel, missing channels zero. */
export class PadShortcut extends Module {
  readonly #extra: number;
  readonly #stride: Pair;

  /** From inChannels to outChannels at that stride. */
  constructor(inChannels: number, outChannels: number, stride: number) {
    super();
    this.#extra = outChannels - inChannels;
    this.#stride = [stride, stride];
  }

  /** Emits a 1x1 pooling and pad_channels. */
  override forward(trace: Trace, x: Value): Value {
    const pixels = trace.apply(avgPool2d, { x }, { kernelSize: [1, 1], stride: this.#stride, padding: [0, 0] });
    const before = Math.floor(this.#extra / 2);
    return trace.apply(padChannels, { x: pixels }, { before, after: this.#extra - before });
  }
}
