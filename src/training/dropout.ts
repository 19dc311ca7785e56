import { Linear } from "../nn/linear.ts";
import { Module, type Trace } from "../nn/module.ts";
import type { Value } from "../graph/graph.ts";
import { Dropout } from "../nn/stateless.ts";

/**
 * Drops features before the classifier with probability p, as the published networks do in training. If the network has
 * dropout layers, their probability is set to p. If it has none, a dropout is put before each linear layer. The names
 * of parameters do not change.
 */
export function setDropout(network: Module, p: number): void {
  const parents = [...network.namedModules()].map(([, module]) => module);
  const has = parents.some((module) => module instanceof Dropout);
  for (const { children } of parents) {
    for (const [name, child] of children) {
      if (child instanceof Dropout) children.set(name, new Dropout(p));
      else if (!has && child instanceof Linear) children.set(name, new Dropped(child, p));
    }
  }
}

/** A layer after dropout, under its own name. */
class Dropped extends Module {
  readonly #layer: Module;
  readonly #dropout: Dropout;

  constructor(layer: Module, p: number) {
    super();
    this.#layer = layer;
    this.#dropout = new Dropout(p);
    for (const [name, parameter] of layer.parameters) this.parameters.set(name, parameter);
  }

  override forward(trace: Trace, x: Value): Value {
    return this.#layer.forward(trace, this.#dropout.forward(trace, x));
  }
}
