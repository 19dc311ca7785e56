import { ArgumentError } from "../errors.ts";
import type { Shape, Value } from "../graph/graph.ts";
import { conv2d } from "../graph/ops/conv2d.ts";
import type { Pair } from "../graph/ops/shared.ts";
import { checkNumber, COUNT, COUNT_FROM_ZERO } from "../arguments.ts";
import { constant, kaimingFanOut } from "./init.ts";
import { Module, type Trace } from "./module.ts";
import { pythonTuple } from "./repr.ts";
import { pair } from "./pair.ts";

/** The optional arguments of torch.nn.Conv2d; a single number counts for both directions. */
export interface Conv2dOptions {
  /** 1 if left out. */
  readonly stride?: number | Pair;
  /** Zeros on each side, 0 if left out; "same" keeps the size at stride 1, "valid" is 0. */
  readonly padding?: number | Pair | "same" | "valid";
  /** 1 if left out. */
  readonly dilation?: number | Pair;
  /** 1 if left out. Must divide both channel counts. */
  readonly groups?: number;
  /** True if left out. */
  readonly bias?: boolean;
}

/** The arguments of Conv2d and ODConv2d, checked and with all defaults filled in. */
export abstract class Convolution extends Module {
  /** Channels of the input. */
  readonly inChannels: number;
  /** Channels of the output. */
  readonly outChannels: number;
  /** [kh, kw]. */
  readonly kernelSize: Pair;
  /** [vertical, horizontal]. */
  readonly stride: Pair;
  /** [vertical, horizontal], in pixels of zeros on each side. */
  readonly padding: Pair;
  /** [vertical, horizontal]. */
  readonly dilation: Pair;
  /** Groups of channels that are convolved separately. */
  readonly groups: number;
  /** Whether a bias is added. */
  readonly bias: boolean;

  /**
   * Throws ArgumentError if an argument is no whole number from 1 up (padding: from 0), if groups do not divide the
   * channels, or if "same" padding would be uneven.
   */
  constructor(inChannels: number, outChannels: number, kernelSize: number | Pair, options: Conv2dOptions = {}) {
    super();
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = pair("kernelSize", kernelSize);
    this.stride = pair("stride", options.stride ?? 1);
    this.dilation = pair("dilation", options.dilation ?? 1);
    this.groups = options.groups ?? 1;
    this.bias = options.bias ?? true;
    const { stride, dilation, groups } = this;
    for (const [name, value] of Object.entries({ inChannels, outChannels, kernelSize, stride, dilation, groups })) {
      checkNumber(name, value, COUNT);
    }
    if (inChannels % this.groups !== 0 || outChannels % this.groups !== 0) {
      throw new ArgumentError(
        `${this.groups} groups do not divide ${inChannels} input and ${outChannels} output channels`,
      );
    }
    this.padding = this.#pad(options.padding ?? 0);
  }

  /** The attributes of the convolution operators. */
  protected get attributes(): { stride: Pair; padding: Pair; dilation: Pair; groups: number; activation: "none" } {
    const { stride, padding, dilation, groups } = this;
    return { stride, padding, dilation, groups, activation: "none" };
  }

  /** [Cout, Cin/groups, kh, kw]. */
  protected get kernelShape(): Shape {
    return [this.outChannels, this.inChannels / this.groups, ...this.kernelSize];
  }

  /** The arguments that PyTorch prints of a convolution: those that differ from its defaults, and strides. */
  protected override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias } = this;
    const parts = [inChannels, outChannels, `kernel_size=${pythonTuple(kernelSize)}`, `stride=${pythonTuple(stride)}`];
    if (padding.some((p) => p !== 0)) parts.push(`padding=${pythonTuple(padding)}`);
    if (dilation.some((d) => d !== 1)) parts.push(`dilation=${pythonTuple(dilation)}`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (!bias) parts.push("bias=False");
    return parts.join(", ");
  }

  #pad(padding: number | Pair | "same" | "valid"): Pair {
    if (padding === "valid") return [0, 0];
    if (padding !== "same") {
      checkNumber("padding", padding, COUNT_FROM_ZERO);
      return pair("padding", padding);
    }
    const total = this.kernelSize.map((k, i) => this.dilation[i] * (k - 1));
    if (this.stride.some((s) => s !== 1) || total.some((t) => t % 2 !== 0)) {
      throw new ArgumentError('padding "same" needs stride 1 and an odd (dilated) kernel; give the padding as numbers');
    }
    return [total[0] / 2, total[1] / 2];
  }
}

/** torch.nn.Conv2d: x [B, Cin, H, W] -> [B, Cout, H', W']. */
export class Conv2d extends Convolution {
  /** Arguments as torch.nn.Conv2d's. */
  constructor(inChannels: number, outChannels: number, kernelSize: number | Pair, options: Conv2dOptions = {}) {
    super(inChannels, outChannels, kernelSize, options);
    this.registerParameter("weight", this.kernelShape, kaimingFanOut());
    if (this.bias) this.registerParameter("bias", [outChannels], constant(0));
  }

  /** Emits conv2d. */
  override forward(trace: Trace, x: Value): Value {
    const weight = trace.parameter("weight");
    const bias = this.bias ? trace.parameter("bias") : undefined;
    return trace.apply(conv2d, { x, weight, bias }, this.attributes);
  }
}
