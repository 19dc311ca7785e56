import { ShapeError } from "../errors.ts";
import type { Value } from "../graph/graph.ts";
import { conv2d } from "../graph/ops/conv2d.ts";
import { linear } from "../graph/ops/linear.ts";
import { mixKernels } from "../graph/ops/mix_kernels.ts";
import { relu, softmax } from "../graph/ops/elementwise.ts";
import { globalAvgPool } from "../graph/ops/pooling.ts";
import type { Pair } from "../graph/ops/shared.ts";
import { ABOVE_ZERO, checkNumber, COUNT } from "../arguments.ts";
import { BatchNorm2d } from "./batch_norm2d.ts";
import { type Conv2dOptions, Convolution } from "./conv2d.ts";
import { constant, kaimingFanOut } from "./init.ts";
import { Module, type Trace } from "./module.ts";
import { pythonNumber } from "./repr.ts";

/** The optional arguments of ODConv2d: Conv2d's and two more. */
export interface ODConv2dOptions extends Conv2dOptions {
  /** n, the number of kernels that are mixed; 1 if left out. */
  readonly kernelNum?: number;
  /** Width of the attention branch: max(int(Cin * reduction), 16) channels; 1/16 if left out. */
  readonly reduction?: number;
}

/** The limit of kernelNum. The paper mixes 4. A plan has steps for every kernel. */
const MOST_KERNELS = 1024;

/**
 * Omni-dimensional dynamic convolution (Li, Zhou, Yao, ICLR 2022, equation 2), in place of Conv2d:
 * x [B, Cin, H, W] -> [B, Cout, H', W'].
 *
 * Its four attentions are computed from x: over input channels, output channels (not if every channel has its own
 * filter, Cin == groups == Cout), kernel positions (not for 1x1) and kernels (not for kernelNum 1). Parameter names are
 * those of the published checkpoints.
 */
export class ODConv2d extends Convolution {
  /** n, the number of kernels that are mixed. */
  readonly kernelNum: number;
  /** As given, or 1/16. */
  readonly reduction: number;

  /** Arguments as torch.nn.Conv2d's, with kernelNum and reduction. Throws ArgumentError if one is out of its range. */
  constructor(inChannels: number, outChannels: number, kernelSize: number | Pair, options: ODConv2dOptions = {}) {
    super(inChannels, outChannels, kernelSize, options);
    this.kernelNum = options.kernelNum ?? 1;
    this.reduction = options.reduction ?? 0.0625;
    checkNumber("kernelNum", this.kernelNum, { ...COUNT, most: MOST_KERNELS });
    checkNumber("reduction", this.reduction, ABOVE_ZERO);
    this.registerParameter("weight", [this.kernelNum, ...this.kernelShape], kaimingFanOut());
    if (this.bias) this.registerParameter("bias", [outChannels], constant(0));
    this.register("attention", new Attention(this));
  }

  /** Conv2d's arguments, and the two more. */
  protected override extraRepr(): string {
    return `${super.extraRepr()}, kernel_num=${this.kernelNum}, reduction=${pythonNumber(this.reduction)}`;
  }

  /** Emits the attention branch, mix_kernels and conv2d. */
  override forward(trace: Trace, x: Value): Value {
    const attention = this.children.get("attention") as Attention;
    const kernels = trace.parameter("weight");
    const bias = this.bias ? trace.parameter("bias") : undefined;
    const heads = attention.heads(trace.child("attention"), x);
    const weight = trace.apply(mixKernels, { weight: kernels, ...heads }, {});
    return trace.apply(conv2d, { x, weight, bias }, this.attributes);
  }
}

/** The four attentions of one layer; those it does not have are left out. */
export type Attentions = {
  /** a_c: [B, Cin] */
  channel: Value;
  /** a_f: [B, Cout] */
  filter?: Value;
  /** a_s: [B, kh*kw] */
  spatial?: Value;
  /** a_w: [B, n] */
  kernel?: Value;
};

/** The attention branch: pool, squeeze, normalise, and a head for each attention (section 3.2 of the paper). */
export class Attention extends Module {
  /** Built by ODConv2d from its own arguments. */
  constructor({ inChannels, outChannels, kernelSize, groups, kernelNum, reduction }: ODConv2d) {
    super();
    const hidden = Math.max(Math.trunc(inChannels * reduction), 16);
    const positions = kernelSize[0] * kernelSize[1];
    const depthwise = inChannels === groups && inChannels === outChannels;
    this.register("fc", new PooledConv1x1(inChannels, hidden, false));
    this.register("bn", new BatchNorm2d(hidden));
    this.register("channel_fc", new PooledConv1x1(hidden, inChannels, true));
    if (!depthwise) this.register("filter_fc", new PooledConv1x1(hidden, outChannels, true));
    if (positions > 1) this.register("spatial_fc", new PooledConv1x1(hidden, positions, true));
    if (kernelNum > 1) this.register("kernel_fc", new PooledConv1x1(hidden, kernelNum, true));
  }

  /** The attentions of x. */
  heads(trace: Trace, x: Value): Attentions {
    const pooled = trace.apply(globalAvgPool, { x }, {});
    const z = trace.apply(relu, { x: trace.call("bn", trace.call("fc", pooled)) }, {});
    const temperature = trace.temperature();
    const gate = (name: string) => {
      const head = this.children.get(name) as PooledConv1x1;
      return head.emit(trace.child(name), z, "sigmoid", temperature);
    };
    return {
      channel: gate("channel_fc"),
      filter: this.children.has("filter_fc") ? gate("filter_fc") : undefined,
      spatial: this.children.has("spatial_fc") ? gate("spatial_fc") : undefined,
      kernel: this.children.has("kernel_fc")
        ? trace.child("kernel_fc").apply(softmax, { x: trace.call("kernel_fc", z), temperature }, {})
        : undefined,
    };
  }

  /** An attention branch has several outputs; ODConv2d asks for heads(). */
  override forward(): Value {
    throw new ShapeError("an attention branch has several outputs and cannot stand in a sequence of layers");
  }
}

/** A 1x1 convolution over pooled features [B, C]: a linear layer whose weight is stored as [O, I, 1, 1]. */
class PooledConv1x1 extends Module {
  readonly #bias: boolean;

  constructor(features: number, out: number, bias: boolean) {
    super();
    this.#bias = bias;
    this.registerParameter("weight", [out, features, 1, 1], kaimingFanOut());
    if (bias) this.registerParameter("bias", [out], constant(0));
  }

  override forward(trace: Trace, x: Value): Value {
    return this.emit(trace, x);
  }

  /** As PyTorch prints the 1x1 convolution that it is. */
  protected override extraRepr(): string {
    const [out, features] = this.parameters.get("weight")!.shape;
    return `${features}, ${out}, kernel_size=(1, 1), stride=(1, 1)${this.#bias ? "" : ", bias=False"}`;
  }

  /** Emits the layer and an activation. */
  emit(trace: Trace, x: Value, activation: "none" | "sigmoid" = "none", temperature?: Value): Value {
    const bias = this.#bias ? trace.parameter("bias") : undefined;
    return trace.apply(linear, { x, weight: trace.parameter("weight"), bias, temperature }, { activation });
  }
}
