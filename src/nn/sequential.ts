import type { Value } from "../graph/graph.ts";
import { Module, type Trace } from "./module.ts";

/** torch.nn.Sequential: children named "0", "1", ..., run one after the other. */
export class Sequential extends Module {
  /** In the order they run. */
  constructor(...layers: Module[]) {
    super();
    layers.forEach((layer, i) => this.register(String(i), layer));
  }

  /** Emits every child. */
  override forward(trace: Trace, x: Value): Value {
    for (const name of this.children.keys()) x = trace.call(name, x);
    return x;
  }
}
