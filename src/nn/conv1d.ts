import { checkNumber, COUNT, COUNT_FROM_ZERO } from "../arguments.ts";
import { ArgumentError } from "../errors.ts";
import type { Value } from "../graph/graph.ts";
import { conv2d } from "../graph/ops/conv2d.ts";
import { reshape } from "../graph/ops/layout.ts";
import { constant, kaimingFanOut } from "./init.ts";
import { Module, type Trace } from "./module.ts";

/** The optional arguments of torch.nn.Conv1d. */
export interface Conv1dOptions {
  /** Elements of x between neighbours of the result. @default 1 */
  readonly stride?: number;
  /** Zeros on each side. @default 0 */
  readonly padding?: number;
  /** Elements of x between neighbours of the kernel. @default 1 */
  readonly dilation?: number;
  /** Must divide both channel counts. @default 1 */
  readonly groups?: number;
  /** Whether a bias is added. @default true */
  readonly bias?: boolean;
}

/** torch.nn.Conv1d: x [B, Cin, L] -> [B, Cout, L']: a convolution over an image of one row. */
export class Conv1d extends Module {
  readonly #options: Required<Conv1dOptions>;
  readonly #weight: readonly number[];

  /**
   * Arguments as torch.nn.Conv1d's.
   *
   * @throws ArgumentError if one is no whole number in its range, or the groups do not divide the channels
   */
  constructor(inChannels: number, outChannels: number, kernelSize: number, options: Conv1dOptions = {}) {
    super();
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    for (const [name, value] of Object.entries({ inChannels, outChannels, kernelSize, stride, dilation, groups })) {
      checkNumber(name, value, COUNT);
    }
    checkNumber("padding", padding, COUNT_FROM_ZERO);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ArgumentError(`${groups} groups do not divide ${inChannels} input and ${outChannels} output channels`);
    }
    this.#options = { stride, padding, dilation, groups, bias };
    this.#weight = [outChannels, inChannels / groups, 1, kernelSize];
    const initial = kaimingFanOut();
    this.registerParameter("weight", [outChannels, inChannels / groups, kernelSize], (_, seed) => {
      return initial(this.#weight, seed);
    });
    if (bias) this.registerParameter("bias", [outChannels], constant(0));
  }

  /** Emits conv2d. */
  override forward(trace: Trace, x: Value): Value {
    const { stride, padding, dilation, groups, bias } = this.#options;
    const [batch, channels, length] = x.shape;
    const y = trace.apply(conv2d, {
      x: trace.apply(reshape, { x }, { shape: [batch, channels, 1, length] }),
      weight: trace.apply(reshape, { x: trace.parameter("weight") }, { shape: this.#weight }),
      bias: bias ? trace.parameter("bias") : undefined,
    }, { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups, activation: "none" });
    return trace.apply(reshape, { x: y }, { shape: [batch, y.shape[1], y.shape[3]] });
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    const { stride, padding, dilation, groups, bias } = this.#options;
    const [outChannels, inChannels, , kernel] = this.#weight;
    const parts = [inChannels * groups, outChannels, `kernel_size=(${kernel},)`, `stride=(${stride},)`];
    if (padding !== 0) parts.push(`padding=(${padding},)`);
    if (dilation !== 1) parts.push(`dilation=(${dilation},)`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (!bias) parts.push("bias=False");
    return parts.join(", ");
  }
}
