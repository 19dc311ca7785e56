import { checkNumber, COUNT, COUNT_FROM_ZERO } from "../arguments.ts";
import { ArgumentError } from "../errors.ts";
import type { Value } from "../graph/graph.ts";
import { convTranspose2d, type ConvTransposeAttributes } from "../graph/ops/conv_transpose2d.ts";
import { add } from "../graph/ops/elementwise.ts";
import { reshape } from "../graph/ops/layout.ts";
import type { Pair } from "../graph/ops/shared.ts";
import { constant, kaimingFanOut } from "./init.ts";
import { Module, type Trace } from "./module.ts";
import { pair } from "./pair.ts";
import { pythonTuple } from "./repr.ts";

/** The optional arguments of torch.nn.ConvTranspose2d; a single number counts for both directions. */
export interface ConvTranspose2dOptions {
  /** Rows and columns of the result between neighbours of x. @default 1 */
  readonly stride?: number | Pair;
  /** Rows and columns of the result that are left out on each side. @default 0 */
  readonly padding?: number | Pair;
  /** Rows and columns more on one side. @default 0 */
  readonly outputPadding?: number | Pair;
  /** Must divide both channel counts. @default 1 */
  readonly groups?: number;
  /** Whether a bias is added. @default true */
  readonly bias?: boolean;
  /** Rows and columns between neighbours of the kernel. @default 1 */
  readonly dilation?: number | Pair;
}

/** torch.nn.ConvTranspose2d: [B, Cin, H, W] -> [B, Cout, H', W'] with H' = (H - 1) stride - 2 padding + kernel, ... */
export class ConvTranspose2d extends Module {
  readonly #attributes: ConvTransposeAttributes;
  readonly #outChannels: number;

  /**
   * Arguments as torch.nn.ConvTranspose2d's.
   *
   * @throws ArgumentError if one is no whole number in its range, or the groups do not divide the channels
   */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | Pair,
    options: ConvTranspose2dOptions = {},
  ) {
    super();
    const { stride = 1, padding = 0, outputPadding = 0, groups = 1, bias = true, dilation = 1 } = options;
    for (const [name, value] of Object.entries({ inChannels, outChannels, kernelSize, stride, groups, dilation })) {
      checkNumber(name, value, COUNT);
    }
    for (const [name, value] of Object.entries({ padding, outputPadding })) checkNumber(name, value, COUNT_FROM_ZERO);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ArgumentError(`${groups} groups do not divide ${inChannels} input and ${outChannels} output channels`);
    }
    this.#outChannels = outChannels;
    this.#attributes = {
      stride: pair("stride", stride),
      padding: pair("padding", padding),
      outputPadding: pair("outputPadding", outputPadding),
      dilation: pair("dilation", dilation),
      groups,
    };
    const shape = [inChannels, outChannels / groups, ...pair("kernelSize", kernelSize)];
    this.registerParameter("weight", shape, kaimingFanOut());
    if (bias) this.registerParameter("bias", [outChannels], constant(0));
  }

  /** Emits conv_transpose2d and the bias. */
  override forward(trace: Trace, x: Value): Value {
    const y = trace.apply(convTranspose2d, { x, weight: trace.parameter("weight") }, this.#attributes);
    if (!this.parameters.has("bias")) return y;
    const shape = [1, this.#outChannels, 1, 1];
    return trace.apply(add, { a: y, b: trace.apply(reshape, { x: trace.parameter("bias") }, { shape }) }, {});
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    const { stride, padding, dilation, outputPadding, groups } = this.#attributes;
    const [inChannels, , ...kernel] = this.parameters.get("weight")!.shape;
    const parts = [
      inChannels,
      this.#outChannels,
      `kernel_size=${pythonTuple(kernel)}`,
      `stride=${pythonTuple(stride)}`,
    ];
    if (padding.some((p) => p !== 0)) parts.push(`padding=${pythonTuple(padding)}`);
    if (dilation.some((d) => d !== 1)) parts.push(`dilation=${pythonTuple(dilation)}`);
    if (outputPadding.some((p) => p !== 0)) parts.push(`output_padding=${pythonTuple(outputPadding)}`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (!this.parameters.has("bias")) parts.push("bias=False");
    return parts.join(", ");
  }
}
