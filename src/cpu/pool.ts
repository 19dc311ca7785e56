/**
 * The CPU backend on several cores. Every worker holds the whole compiled graph, and each run goes to a free worker.
 * The pool is meant for evaluation, where many batches wait. A single run is not faster than on ./backend.ts.
 *
 * Workers need no permission: they receive graphs and numbers by message (see src/worker_options.ts).
 *
 * @module
 */

import { DeviceError, ShapeError } from "../errors.ts";
import { type Device, DISPOSED, type Executable, type Tensors } from "../graph/backend.ts";
import { inputChecks } from "../graph/check_inputs.ts";
import type { Graph } from "../graph/graph.ts";
import { workerOptions } from "../worker_options.ts";
import { describeGraph } from "./graph_data.ts";
import type { Refusal, Reply, Request } from "./pool_messages.ts";
import { simdName } from "./wasm/module.ts";

/** Starts this many workers. Throws DeviceError if one does not start. */
export async function openCpuPool(workers: number): Promise<Device> {
  if (!Number.isInteger(workers) || workers < 1) throw new DeviceError(`${workers} CPU workers: expected 1 or more`);
  const pool = new CpuPool(Array.from({ length: workers }, () => new PoolWorker()));
  await pool.start();
  return pool;
}

class CpuPool implements Device {
  readonly name = "cpu";
  readonly description: string;
  #executables = 0;
  /** Workers that wait for a run, and runs that wait for a worker. One of the two lists is always empty. */
  #idle: PoolWorker[];
  #waiting: ((worker: PoolWorker) => void)[] = [];

  constructor(readonly workers: readonly PoolWorker[]) {
    this.description = `WASM ${simdName()}, ${workers.length} worker${workers.length > 1 ? "s" : ""} of 1 thread`;
    this.#idle = [...workers];
  }

  async start(): Promise<void> {
    try {
      await this.#all({ kind: "start" });
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  async compile(graph: Graph): Promise<Executable> {
    if (graph.updates.size > 0) {
      throw new DeviceError(
        `the graph changes ${graph.updates.size} of its parameters, of which every CPU worker holds its own: ` +
          "run it on one thread (openCpu)",
      );
    }
    const executable = this.#executables++;
    await this.#all({ kind: "compile", executable, graph: await describeGraph(graph) });
    // Inputs are checked here and not in the workers, because messages do not carry shapes.
    const check = inputChecks(graph);
    let previous: Promise<unknown> = Promise.resolve();
    let isDisposed = false;
    return {
      run: (inputs) => {
        if (isDisposed) return Promise.reject(new DeviceError(DISPOSED));
        const run = async () => {
          check(inputs);
          return await this.#run(executable, inputs);
        };
        const inOrder = Promise.all([run(), previous]).then(([outputs]) => outputs);
        previous = inOrder.catch(() => {}); // a failed run must not block the next one
        return inOrder;
      },
      dispose: () => {
        if (isDisposed) return;
        isDisposed = true;
        this.#all({ kind: "dispose", executable }).catch(() => {}); // a dead worker holds no memory
      },
    };
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  dispose(): void {
    for (const worker of this.workers) worker.terminate();
  }

  async #all(request: Request): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.ask(request)));
  }

  async #run(executable: number, inputs: Tensors): Promise<Tensors> {
    const worker = this.#idle.pop() ?? await new Promise<PoolWorker>((resolve) => this.#waiting.push(resolve));
    try {
      return (await worker.ask({ kind: "run", executable, inputs }))!;
    } finally {
      const next = this.#waiting.shift();
      if (next) next(worker);
      else this.#idle.push(worker);
    }
  }
}

/** A worker that handles requests one after the other. */
class PoolWorker {
  #worker = new Worker(new URL("./pool_worker.ts", import.meta.url), workerOptions());
  #pending: { resolve(outputs?: Tensors): void; reject(error: Error): void }[] = [];
  #dead?: DeviceError;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const { resolve, reject } = this.#pending.shift()!;
      if (data.ok) resolve(data.outputs);
      else reject(revive(data));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#die(`a CPU worker stopped: ${event.message}`);
    };
  }

  ask(request: Request): Promise<Tensors | undefined> {
    if (this.#dead) return Promise.reject(this.#dead);
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  terminate(): void {
    this.#worker.terminate();
    this.#die("the CPU workers were disposed");
  }

  #die(message: string): void {
    this.#dead ??= new DeviceError(message);
    for (const { reject } of this.#pending.splice(0)) reject(this.#dead);
  }
}

/** Returns the error of a worker, with its original class. */
function revive({ name, message, reason }: Refusal): Error {
  if (name === "DeviceError") return new DeviceError(message, { reason });
  return name === "ShapeError" ? new ShapeError(message) : Object.assign(new Error(message), { name });
}
