/** Normalisation by sample, by PyTorch's names. */

import { checkNumber, COUNT, FROM_ZERO } from "../arguments.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { type Shape, size, type Value } from "../graph/graph.ts";
import { sumToSize } from "../graph/ops/broadcast.ts";
import { add, affine as shifted, div, mul, sqrt, sub } from "../graph/ops/elementwise.ts";
import { reshape } from "../graph/ops/layout.ts";
import { BatchNorm2d } from "./batch_norm2d.ts";
import { constant } from "./init.ts";
import { Module, type Trace } from "./module.ts";
import { pythonBoolean, pythonNumber, pythonTuple } from "./repr.ts";

/** The options of layers that normalise each sample. */
export interface NormalizationOptions {
  /** Added to the variance. @default 1e-5 */
  readonly eps?: number;
  /** Whether there are a weight and a bias. @default true */
  readonly affine?: boolean;
}

/** Each of so many rows of x minus its mean, over its deviation. */
function normalizeRows(trace: Trace, x: Value, rows: number, eps: number): Value {
  const length = size(x.shape) / rows;
  const table = trace.apply(reshape, { x }, { shape: [1, rows, length] });
  const mean = (of: Value) => trace.apply(sumToSize, { x: of }, { shape: [1, rows, 1], scale: 1 / length });
  const centred = trace.apply(sub, { a: table, b: mean(table) }, {});
  const variance = mean(trace.apply(mul, { x: centred, scale: centred }, {}));
  const positive = trace.apply(shifted, { x: variance }, { factor: 1, shift: eps });
  const deviation = trace.apply(sqrt, { x: positive }, {});
  return trace.apply(reshape, { x: trace.apply(div, { a: centred, b: deviation }, {}) }, { shape: x.shape });
}

/** x times the module's weight plus its bias, which are repeated from that shape. */
function affine(trace: Trace, x: Value, shape: Shape): Value {
  const repeated = (name: string) => trace.apply(reshape, { x: trace.parameter(name) }, { shape });
  const scaled = trace.apply(mul, { x, scale: repeated("weight") }, {});
  return trace.apply(add, { a: scaled, b: repeated("bias") }, {});
}

/** torch.nn.GroupNorm: [B, C, ...] -> the same shape, normalised by sample and group of channels. */
export class GroupNorm extends Module {
  readonly #groups: number;
  readonly #channels: number;
  readonly #eps: number;

  /**
   * Arguments as torch.nn.GroupNorm's.
   *
   * @throws ArgumentError if the groups do not divide the channels, or eps is below 0
   */
  constructor(numGroups: number, numChannels: number, { eps = 1e-5, affine = true }: NormalizationOptions = {}) {
    super();
    checkNumber("numGroups", numGroups, COUNT);
    checkNumber("numChannels", numChannels, COUNT);
    checkNumber("eps", eps, FROM_ZERO);
    if (numChannels % numGroups !== 0) {
      throw new ArgumentError(`${numGroups} groups do not divide ${numChannels} channels`);
    }
    this.#groups = numGroups;
    this.#channels = numChannels;
    this.#eps = eps;
    if (!affine) return;
    this.registerParameter("weight", [numChannels], constant(1));
    this.registerParameter("bias", [numChannels], constant(0));
  }

  /** Emits means, differences and quotients. */
  override forward(trace: Trace, x: Value): Value {
    const [batch, channels, ...rest] = x.shape;
    if (channels !== this.#channels) {
      throw new ShapeError(`${trace.path}: x has ${channels} channels, expected ${this.#channels}`);
    }
    const y = normalizeRows(trace, x, batch * this.#groups, this.#eps);
    return this.parameters.has("weight") ? affine(trace, y, [1, channels, ...rest.map(() => 1)]) : y;
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    const affine = pythonBoolean(this.parameters.has("weight"));
    return `${this.#groups}, ${this.#channels}, eps=${pythonNumber(this.#eps)}, affine=${affine}, bias=${affine}`;
  }
}

/** torch.nn.LayerNorm: normalised over the last axes, which have the extents `normalizedShape`. */
export class LayerNorm extends Module {
  readonly #shape: Shape;
  readonly #eps: number;

  /**
   * Arguments as torch.nn.LayerNorm's.
   *
   * @throws ArgumentError if an extent is no whole number from 1 up, or eps is below 0
   */
  constructor(normalizedShape: number | Shape, { eps = 1e-5, affine = true }: NormalizationOptions = {}) {
    super();
    checkNumber("normalizedShape", normalizedShape, COUNT);
    checkNumber("eps", eps, FROM_ZERO);
    this.#shape = [normalizedShape].flat();
    this.#eps = eps;
    if (!affine) return;
    this.registerParameter("weight", this.#shape, constant(1));
    this.registerParameter("bias", this.#shape, constant(0));
  }

  /** Emits means, differences and quotients. */
  override forward(trace: Trace, x: Value): Value {
    const others = x.shape.slice(0, x.shape.length - this.#shape.length);
    if (x.shape.slice(others.length).join() !== this.#shape.join()) {
      throw new ShapeError(
        `${trace.path}: x is [${x.shape.join(", ")}], expected its last extents to be [${this.#shape.join(", ")}]`,
      );
    }
    const y = normalizeRows(trace, x, size(others), this.#eps);
    return this.parameters.has("weight") ? affine(trace, y, [...others.map(() => 1), ...this.#shape]) : y;
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    const affine = pythonBoolean(this.parameters.has("weight"));
    const shape = pythonTuple(this.#shape);
    return `${shape}, eps=${pythonNumber(this.#eps)}, elementwise_affine=${affine}, bias=${affine}`;
  }
}

/** torch.nn.BatchNorm1d: [B, C] or [B, C, L] -> the same shape; see BatchNorm2d. */
export class BatchNorm1d extends BatchNorm2d {
  /** Emits the operators of BatchNorm2d, over an image of one row. */
  override forward(trace: Trace, x: Value): Value {
    if (x.shape.length !== 3) return super.forward(trace, x);
    const [batch, channels, length] = x.shape;
    const image = trace.apply(reshape, { x }, { shape: [batch, channels, 1, length] });
    return trace.apply(reshape, { x: super.forward(trace, image) }, { shape: x.shape });
  }
}
