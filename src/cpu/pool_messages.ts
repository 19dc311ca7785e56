/** What ./pool.ts and its workers say to each other. Every request is answered once, in order. */

import type { DeviceErrorReason } from "../errors.ts";
import type { Tensors } from "../graph/backend.ts";
import type { GraphData } from "./graph_data.ts";

/** To a worker. `executable` is the number that the pool gave to a compiled graph. */
export type Request =
  | { readonly kind: "start" }
  | { readonly kind: "compile"; readonly executable: number; readonly graph: GraphData }
  | { readonly kind: "run"; readonly executable: number; readonly inputs: Tensors }
  | { readonly kind: "dispose"; readonly executable: number };

/** From a worker: what a run answered, nothing for the other requests, or why it failed. */
export type Reply =
  | { readonly ok: true; readonly outputs?: Tensors }
  | Refusal;

/** An error as a message: its class by name. */
export interface Refusal {
  readonly ok: false;
  readonly name: string;
  readonly message: string;
  /** Of a DeviceError. */
  readonly reason?: DeviceErrorReason;
}
