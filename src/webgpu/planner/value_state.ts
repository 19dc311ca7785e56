/**
 * The planner's state of each value of a graph.
 *
 * @module
 */

import { type Graph, type Node, presentOperands, type Value } from "../../graph/graph.ts";
import type { Formula } from "../plan/formula.ts";
import type { Resource } from "../plan/kernel.ts";
import { replacedParameters } from "./in_place.ts";

/** The state of a value while its graph is planned. */
export interface ValueState {
  /** The nodes that take the value as an operand. */
  readonly users: Node[];
  /** Whether the value is an output of runs or the next value of a parameter. */
  readonly isAnswer: boolean;
  /** The parameter whose memory this value may take over, if there is one. */
  readonly replaces?: Value;
  /**
   * Whether this is a parameter that runs write or copy from. It is then stored in a buffer, as computed values are.
   */
  readonly isCopied: boolean;
  /** The value's buffer, once it has one. */
  buffer?: Resource;
  /** The value in other layouts on the device, by the layout's key. */
  readonly laidOut: Map<string, Resource>;
  /** The formula of an elementwise value, once its node was planned. */
  formula?: Formula;
  /** For a value without a buffer: "deferred" until its result is read, or "taken" into the kernels of other nodes. */
  without?: "deferred" | "taken";
  /** Whether this is a parameter whose memory already holds its next value. */
  isOverwritten: boolean;
  /** Whether another value shares its memory. */
  isAliased: boolean;
}

/** The states of a graph's values, by value. */
export class ValueStates {
  readonly #states = new Map<Value, ValueState>();
  readonly #answers: ReadonlySet<Value>;
  readonly #copied: ReadonlySet<Value>;
  readonly #replaced: ReadonlyMap<Value, Value>;

  /** Creates the states before anything is planned. */
  constructor(graph: Graph) {
    this.#answers = new Set([...graph.outputs.values(), ...graph.updates.values()]);
    this.#copied = new Set([...graph.updates].flat());
    this.#replaced = replacedParameters(graph);
    for (const node of graph.nodes) {
      for (const operand of presentOperands(node)) this.of(operand).users.push(node);
    }
  }

  /** Returns the state of a value. */
  of(value: Value): ValueState {
    let state = this.#states.get(value);
    if (!state) {
      this.#states.set(
        value,
        state = {
          users: [],
          isAnswer: this.#answers.has(value),
          replaces: this.#replaced.get(value),
          isCopied: this.#copied.has(value),
          laidOut: new Map(),
          isOverwritten: false,
          isAliased: false,
        },
      );
    }
    return state;
  }
}
