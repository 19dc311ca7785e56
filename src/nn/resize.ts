/** Layers that make images larger or smaller, by PyTorch's names. */

import { ABOVE_ZERO, checkNumber, checkWord, COUNT } from "../arguments.ts";
import { ArgumentError } from "../errors.ts";
import type { Value } from "../graph/graph.ts";
import { maxToSize } from "../graph/ops/broadcast.ts";
import { interpolate } from "../graph/ops/interpolate.ts";
import type { Pair } from "../graph/ops/shared.ts";
import { Module, type Trace } from "./module.ts";
import { pair } from "./pair.ts";
import { pythonFloat, pythonPair, pythonTuple } from "./repr.ts";

/** The arguments of torch.nn.Upsample: either `size` or `scaleFactor`. A single number counts for both directions. */
export interface UpsampleOptions {
  /** [height, width] of the result. */
  readonly size?: number | Pair;
  /** Height and width of the result over those of x. */
  readonly scaleFactor?: number | Pair;
  /** How pixels between those of x are made. @default "nearest" */
  readonly mode?: "nearest" | "bilinear";
  /** Whether the centres of the corner pixels keep their places; with "bilinear" only. @default false */
  readonly alignCorners?: boolean;
}

/** torch.nn.Upsample of images: [B, C, H, W] -> [B, C, H', W']. */
export class Upsample extends Module {
  readonly #size?: Pair;
  readonly #factor?: Pair;
  readonly #mode: "nearest" | "bilinear";
  readonly #alignCorners: boolean;
  readonly #repr: string;

  /**
   * Arguments as torch.nn.Upsample's.
   *
   * @throws ArgumentError unless there is either a size of whole numbers or a factor above 0, and the mode is known
   */
  constructor({ size, scaleFactor, mode = "nearest", alignCorners = false }: UpsampleOptions) {
    super();
    if ((size === undefined) === (scaleFactor === undefined)) {
      throw new ArgumentError("Upsample takes either size or scaleFactor");
    }
    checkWord("mode", mode, ["nearest", "bilinear"]);
    if (size !== undefined) {
      checkNumber("size", size, COUNT);
      this.#size = pair("size", size);
    } else {
      this.#factor = pair("scaleFactor", scaleFactor!);
      checkNumber("scaleFactor", this.#factor, ABOVE_ZERO);
    }
    const factor = [scaleFactor].flat().map((number) => pythonFloat(number ?? 1));
    const extent = size === undefined
      ? `scale_factor=${factor.length === 1 ? factor[0] : pythonTuple(factor)}`
      : `size=${pythonPair(size)}`;
    this.#repr = `${extent}, mode='${mode}'`;
    this.#mode = mode;
    this.#alignCorners = alignCorners;
  }

  /** Emits interpolate. */
  override forward(trace: Trace, x: Value): Value {
    const factor = this.#factor;
    const scaled = (i: 0 | 1) => Math.floor(x.shape[2 + i] * (factor?.[i] ?? 1));
    return trace.apply(interpolate, { x }, {
      mode: this.#mode,
      alignCorners: this.#alignCorners,
      size: this.#size ?? [scaled(0), scaled(1)],
      steps: factor && [1 / factor[0], 1 / factor[1]],
    });
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return this.#repr;
  }
}

/** torch.nn.AdaptiveAvgPool2d: [B, C, H, W] -> [B, C, H', W'], whatever H and W are. */
export class AdaptiveAvgPool2d extends Module {
  readonly #size: readonly [number | null, number | null];
  readonly #repr: string;

  /**
   * [H', W'], or one number for both; null keeps an extent.
   *
   * @throws ArgumentError if one is no whole number from 1 up
   */
  constructor(outputSize: number | readonly [number | null, number | null]) {
    super();
    this.#size = typeof outputSize === "number" ? [outputSize, outputSize] : outputSize;
    for (const extent of this.#size) if (extent !== null) checkNumber("outputSize", extent, COUNT);
    const extents = this.#size.map((extent) => String(extent ?? "None"));
    this.#repr = `output_size=${typeof outputSize === "number" ? outputSize : pythonTuple(extents)}`;
  }

  /** Emits interpolate of mode "area". */
  override forward(trace: Trace, x: Value): Value {
    const size: Pair = [this.#size[0] ?? x.shape[2], this.#size[1] ?? x.shape[3]];
    return trace.apply(interpolate, { x }, { mode: "area", alignCorners: false, size });
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return this.#repr;
  }
}

/** torch.nn.AdaptiveMaxPool2d(1): the maximum of every plane, [B, C, H, W] -> [B, C, 1, 1]. */
export class AdaptiveMaxPool2d extends Module {
  /**
   * The result's size, which is 1.
   *
   * @throws ArgumentError if it is anything else
   */
  constructor(outputSize: 1 | readonly [1, 1]) {
    super();
    if (pair("outputSize", outputSize).some((extent) => extent !== 1)) {
      throw new ArgumentError(`outputSize is ${outputSize}, this layer makes 1 pixel`);
    }
  }

  /** Emits max_to_size. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(maxToSize, { x }, { shape: [x.shape[0], x.shape[1], 1, 1] });
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return "output_size=1";
  }
}
