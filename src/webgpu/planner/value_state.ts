/**
 * What the planner knows of each value of a graph: one state a value.
 *
 * @module
 */

import { type Graph, type Node, presentOperands, type Value } from "../../graph/graph.ts";
import type { Formula } from "../plan/formula.ts";
import type { Resource } from "../plan/kernel.ts";
import { replacedParameters } from "./in_place.ts";

/** A value while its graph is planned. */
export interface ValueState {
  /** The nodes that take it. */
  readonly users: Node[];
  /** Whether runs answer it or keep it as a parameter's next. */
  readonly isAnswer: boolean;
  /** The parameter whose memory may become its own, if there is one. */
  readonly replaces?: Value;
  /** Whether it is a parameter that is written or copied from: it lies in a buffer, as computed values do. */
  readonly isCopied: boolean;
  /** Its buffer, once it has one. */
  buffer?: Resource;
  /** What it is laid out as on the device, by the layout's key. */
  readonly laidOut: Map<string, Resource>;
  /** What it is computed by, if it is elementwise and its node was planned. */
  formula?: Formula;
  /** Of one that is in no buffer: put off until somebody reads it, or made part of the kernels of others. */
  without?: "deferred" | "taken";
  /** Whether it is a parameter that holds its next value already. */
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

  /** Before anything is planned. */
  constructor(graph: Graph) {
    this.#answers = new Set([...graph.outputs.values(), ...graph.updates.values()]);
    this.#copied = new Set([...graph.updates].flat());
    this.#replaced = replacedParameters(graph);
    for (const node of graph.nodes) {
      for (const operand of presentOperands(node)) this.of(operand).users.push(node);
    }
  }

  /** The state of a value. */
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
