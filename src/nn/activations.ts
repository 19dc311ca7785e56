/** Activations, by PyTorch's names. */

import { checkNumber, checkWord } from "../arguments.ts";
import type { Value } from "../graph/graph.ts";
import { gelu, hardsigmoid, hardswish, leakyRelu, relu, relu6, sigmoid, silu, tanh } from "../graph/ops/elementwise.ts";
import { Module, type Trace } from "./module.ts";
import { pythonNumber } from "./repr.ts";

/** torch.nn.Identity: x itself. */
export class Identity extends Module {
  /** Emits nothing. */
  override forward(_trace: Trace, x: Value): Value {
    return x;
  }
}

/** torch.nn.ReLU. */
export class ReLU extends Module {
  /** Emits relu. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(relu, { x }, {});
  }
}

/** torch.nn.ReLU6. */
export class ReLU6 extends Module {
  /** Emits relu6. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(relu6, { x }, {});
  }
}

/** torch.nn.Sigmoid. */
export class Sigmoid extends Module {
  /** Emits sigmoid. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(sigmoid, { x }, {});
  }
}

/** torch.nn.Tanh. */
export class Tanh extends Module {
  /** Emits tanh. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(tanh, { x }, {});
  }
}

/** torch.nn.SiLU: x sigmoid(x). */
export class SiLU extends Module {
  /** Emits silu. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(silu, { x }, {});
  }
}

/** torch.nn.Hardsigmoid: (x + 3) / 6, kept within 0 and 1. */
export class Hardsigmoid extends Module {
  /** Emits hardsigmoid. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(hardsigmoid, { x }, {});
  }
}

/** torch.nn.Hardswish: x times Hardsigmoid of x. */
export class Hardswish extends Module {
  /** Emits hardswish. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(hardswish, { x }, {});
  }
}

/** torch.nn.GELU: x times the share of a normal distribution below x. */
export class GELU extends Module {
  readonly #approximate: "none" | "tanh";

  /**
   * Arguments as torch.nn.GELU's.
   *
   * @throws ArgumentError if `approximate` is neither "none" nor "tanh"
   */
  constructor(approximate: "none" | "tanh" = "none") {
    super();
    checkWord("approximate", approximate, ["none", "tanh"]);
    this.#approximate = approximate;
  }

  /** Emits gelu. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(gelu, { x }, { approximate: this.#approximate });
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return `approximate='${this.#approximate}'`;
  }
}

/** torch.nn.LeakyReLU: x above zero, else negativeSlope x. */
export class LeakyReLU extends Module {
  readonly #negativeSlope: number;

  /**
   * Arguments as torch.nn.LeakyReLU's.
   *
   * @throws ArgumentError if the slope is no finite number
   */
  constructor(negativeSlope: number = 0.01) {
    super();
    checkNumber("negativeSlope", negativeSlope, { least: -Infinity });
    this.#negativeSlope = negativeSlope;
  }

  /** Emits leaky_relu. */
  override forward(trace: Trace, x: Value): Value {
    return trace.apply(leakyRelu, { x }, { negativeSlope: this.#negativeSlope });
  }

  /** As PyTorch prints it. */
  protected override extraRepr(): string {
    return `negative_slope=${pythonNumber(this.#negativeSlope)}`;
  }
}
