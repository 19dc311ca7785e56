import type { Value } from "../graph/graph.ts";
import { linear } from "../graph/ops/linear.ts";
import { checkNumber, COUNT } from "../arguments.ts";
import { constant, normal } from "./init.ts";
import { Module, type Trace } from "./module.ts";
import { pythonBoolean } from "./repr.ts";

/** torch.nn.Linear: x [B, I] -> [B, O]. Weights start at N(0, 0.01), as the reference does for its classifiers. */
export class Linear extends Module {
  readonly #bias: boolean;

  /** Arguments as torch.nn.Linear's. Throws ArgumentError if a number of features is no whole number from 1 up. */
  constructor(inFeatures: number, outFeatures: number, options: { readonly bias?: boolean } = {}) {
    super();
    checkNumber("inFeatures", inFeatures, COUNT);
    checkNumber("outFeatures", outFeatures, COUNT);
    this.#bias = options.bias ?? true;
    this.registerParameter("weight", [outFeatures, inFeatures], normal(0.01));
    if (this.#bias) this.registerParameter("bias", [outFeatures], constant(0));
  }

  /** Emits linear. */
  override forward(trace: Trace, x: Value): Value {
    const bias = this.#bias ? trace.parameter("bias") : undefined;
    return trace.apply(linear, { x, weight: trace.parameter("weight"), bias }, { activation: "none" });
  }

  /** As PyTorch prints a linear layer. */
  protected override extraRepr(): string {
    const [out, features] = this.parameters.get("weight")!.shape;
    return `in_features=${features}, out_features=${out}, bias=${pythonBoolean(this.#bias)}`;
  }
}
