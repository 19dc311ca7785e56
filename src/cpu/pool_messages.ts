/**
 * Messages between ./pool.ts and its workers. Every request gets one reply. Replies come in the order of the requests.
 */

import type { DeviceErrorReason } from "../errors.ts";
import type { Tensors } from "../graph/backend.ts";
import type { GraphData } from "./graph_data.ts";

/** Message to a worker. `executable` is the pool's number for a compiled graph. */
export type Request =
  | { readonly kind: "start" }
  | { readonly kind: "compile"; readonly executable: number; readonly graph: GraphData }
  | { readonly kind: "run"; readonly executable: number; readonly inputs: Tensors }
  | { readonly kind: "dispose"; readonly executable: number };

/** Message from a worker: the result of a run, nothing for other requests, or an error. */
export type Reply =
  | { readonly ok: true; readonly outputs?: Tensors }
  | Refusal;

/** An error as a message. The class is given by name. */
export interface Refusal {
  readonly ok: false;
  readonly name: string;
  readonly message: string;
  /** The reason of a DeviceError. */
  readonly reason?: DeviceErrorReason;
}
