/** A worker of ./pool.ts: runs the single-threaded backend on requests by message. */

import type { DeviceError } from "../errors.ts";
import type { Executable, Tensors } from "../graph/backend.ts";
import { compileGraph } from "./executable.ts";
import { rebuildGraph } from "./graph_data.ts";
import type { Reply, Request } from "./pool_messages.ts";
import { startTfjs } from "./tfjs.ts";

/** The part of a worker's global scope that is used here. The compiler is configured for the main thread's scope. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Request>) => unknown;
  postMessage(reply: Reply, transfer: Transferable[]): void;
};

const executables = new Map<number, Executable>();

async function answer(request: Request): Promise<Tensors | undefined> {
  switch (request.kind) {
    case "start":
      return void await startTfjs();
    case "compile": {
      const { graph, forget } = rebuildGraph(request.graph);
      executables.set(request.executable, await compileGraph(graph));
      return void forget();
    }
    case "run":
      return await executables.get(request.executable)!.run(request.inputs);
    case "dispose":
      executables.get(request.executable)?.dispose();
      executables.delete(request.executable);
  }
}

async function reply(request: Request): Promise<void> {
  try {
    const outputs = await answer(request);
    scope.postMessage({ ok: true, outputs }, Object.values(outputs ?? {}).map(({ buffer }) => buffer));
  } catch (error) {
    const { name, message } = error as Error;
    scope.postMessage({ ok: false, name, message, reason: (error as DeviceError).reason }, []);
  }
}

// Handles one request after the other, so that replies come in order.
let last = Promise.resolve();
scope.onmessage = ({ data }) => last = last.then(() => reply(data));
