/**
 * Compares this project with its peers. Each contestant is opened on first use, runs the same graph on the same inputs,
 * and is timed in turns with this project. Its outputs must agree with this project's.
 *
 * @module
 */

import { openDevice } from "../src/devices.ts";
import { DeviceError } from "../src/errors.ts";
import type { Backend, Tensors } from "../src/graph/backend.ts";
import type { Graph } from "../src/graph/graph.ts";
import { ceilingMeter } from "../src/webgpu/profiler/ceiling.ts";
import { openWebGpu, type WebGpuBackend } from "../src/webgpu/device.ts";

import type { Contestant } from "./contestant.ts";
import { median, medianOf, type Patience, ratioInTurns, type Timed, timed, warmUp } from "./measure.ts";
import { expectAgreement, inputsOf } from "./networks.ts";
import { ours } from "./peers/ours.ts";
import { openPyTorch, type PyTorch, type PyTorchJob } from "./peers/pytorch.ts";
import type { Row } from "./rows.ts";

/** Opens each peer that runs graphs. */
const OPEN: Readonly<Record<string, () => Promise<Contestant>>> = {
  "tfjs-webgpu": async () => (await import("./peers/tfjs.ts")).openTfjs("webgpu"),
  "tfjs-wasm": async () => (await import("./peers/tfjs.ts")).openTfjs("wasm"),
  "onnxruntime-webgpu": async () => (await import("./peers/onnxruntime.ts")).openOnnxRuntime("webgpu"),
  "onnxruntime-wasm": async () => (await import("./peers/onnxruntime.ts")).openOnnxRuntime("wasm"),
};

/** The peers of each of this project's executors. */
export const PEERS: Readonly<Record<Row["device"], readonly string[]>> = {
  webgpu: ["tfjs-webgpu", "onnxruntime-webgpu", "onnxruntime-wasm", "pytorch"],
  cpu: ["tfjs-wasm", "onnxruntime-wasm"],
  "cpu-pool": ["pytorch"],
};

/**
 * Number of this project's runs that are started before the first is awaited. Awaiting a GPU takes milliseconds, and
 * each worker takes one run.
 */
const IN_FLIGHT: Readonly<Record<Row["device"], number>> = {
  webgpu: 2,
  cpu: 1,
  "cpu-pool": navigator.hardwareConcurrency,
};

/** Options of an {@link Arena}. */
export interface ArenaOptions extends Patience {
  /** Peers to time, of {@link PEERS}. */
  readonly peers: readonly string[];
  /** Path of a Python with torch, for the peer "pytorch". */
  readonly python?: string;
  /** Memory that WebGPU kernels read their operands from. Default: what suits the adapter. */
  readonly operands?: "texture" | "buffer";
  /** Called with what could not be measured, and why. */
  readonly note: (line: string) => void;
}

/** One graph to time. */
export interface Task {
  /** Unique among the tasks. */
  readonly name: string;
  /** The graph to run. */
  readonly graph: Graph;
  /** Whether to time the kernels alone, for contestants that can. */
  readonly kernelsOnly?: boolean;
}

/** Opens contestants when they are needed, checks their outputs and times them. */
export class Arena {
  /** Descriptions of all contestants that ran. */
  readonly descriptions: Set<string> = new Set();
  readonly #options: ArenaOptions;
  readonly #contestants = new Map<string, Promise<Contestant>>();
  readonly #backends = new Map<Row["device"], Backend>();
  readonly #answers = new Map<string, Tensors>();
  readonly #times = new Map<string, Promise<number | undefined>>();
  #ceiling?: () => Promise<number>;
  #pytorch?: Promise<PyTorch>;

  /** Opens no device yet. */
  constructor(options: ArenaOptions) {
    this.#options = options;
  }

  /** How long a measurement may take. */
  get patience(): Patience {
    return this.#options;
  }

  /** Returns whether this peer was requested. */
  takes(peer: string): boolean {
    return this.#options.peers.includes(peer);
  }

  /** Returns this project's executor. Throws DeviceError if there is no adapter. */
  async backend(device: "webgpu"): Promise<WebGpuBackend>;
  async backend(device: Row["device"]): Promise<Backend>;
  async backend(device: Row["device"]): Promise<Backend> {
    let backend = this.#backends.get(device);
    if (!backend) {
      backend = device === "webgpu"
        ? await this.#openWebGpu()
        : await openDevice("cpu", { workers: IN_FLIGHT[device] });
      this.#backends.set(device, backend);
      this.descriptions.add(`this project on ${backend.description}`);
    }
    return backend;
  }

  /** Returns the throughput that the adapter reaches right now, in GFLOP/s; null for other devices than WebGPU. */
  async ceiling(device: Row["device"]): Promise<number | null> {
    if (device !== "webgpu") return null;
    const measure = this.#ceiling ??= await ceilingMeter(await this.backend("webgpu"));
    return await measure();
  }

  /** Returns the median milliseconds of this project, and the median of the adapter's throughput after each run. */
  async time(device: Row["device"], task: Task): Promise<Pick<Row, "ms" | "ceilingGflops">> {
    const ceilings: (number | null)[] = [];
    const us = await this.#us(device);
    const ms = await this.#with(us, task, (work) =>
      medianOf(async () => {
        const ms = await work();
        ceilings.push(await this.ceiling(device));
        return ms;
      }, this.#options));
    return { ms, ceilingGflops: device === "webgpu" ? median(ceilings as number[]) : null };
  }

  /** Returns the time of `task` divided by the time of `other` on the same device, measured in turns. */
  async ratio(device: Row["device"], task: Task, other: Task): Promise<number> {
    const us = await this.#us(device);
    return await this.#with(
      us,
      other,
      (turn) => this.#with(us, task, (work) => ratioInTurns(work, turn, this.#options)),
    );
  }

  /**
   * Returns the milliseconds of the executor's peers by name: this project's `ms` times the peer's time ratio, measured
   * in turns. `twin` is the static task for peers that do not run the dynamic one. `job` is the same work for PyTorch.
   */
  async timePeers(
    device: Row["device"],
    task: Task,
    { ms, batch, twin, job }: { ms: number; batch: number; twin?: Task; job?: PyTorchJob },
  ): Promise<Record<string, number>> {
    const times: Record<string, number> = {};
    for (const name of PEERS[device].filter((each) => this.takes(each))) {
      const ratio = name === "pytorch"
        ? job && await this.#with(await this.#us(device), task, (turn) => this.overPyTorch(job, turn))
        : await this.#overPeer(device, name, task, batch, twin);
      if (ratio !== undefined) times[name] = ratio * ms;
    }
    return times;
  }

  /**
   * Returns PyTorch's time divided by that of `turn`, measured in turns; undefined if no Python was named or PyTorch
   * was not requested.
   */
  async overPyTorch(job: PyTorchJob, turn: Timed): Promise<number | undefined> {
    const { python } = this.#options;
    if (!python || !this.takes("pytorch")) return undefined;
    this.#pytorch ??= openPyTorch(python);
    const pytorch = await this.#pytorch;
    this.descriptions.add(pytorch.description);
    const work = () => pytorch.run(job);
    await warmUp(work, 1);
    return await ratioInTurns(work, turn, this.#options);
  }

  /** Measures once for each name. If that fails, reports it, and returns undefined from then on. */
  attempt(name: string, measure: () => Promise<number>): Promise<number | undefined> {
    return this.#once(name, () =>
      measure().catch((error: Error) => {
        this.#options.note(`${name}: ${error.message.split("\n")[0]}`);
        return undefined;
      }));
  }

  /** Closes all devices and PyTorch. */
  async dispose(): Promise<void> {
    this.#backends.forEach((backend) => backend.dispose());
    await (await this.#pytorch)?.dispose();
  }

  async #us(device: Row["device"]): Promise<Contestant> {
    return ours(await this.backend(device), IN_FLIGHT[device]);
  }

  async #overPeer(device: Row["device"], name: string, task: Task, batch: number, twin?: Task) {
    return await this.attempt(`${name}, ${task.name} on ${device}`, async () => {
      if (!this.#contestants.has(name)) this.#contestants.set(name, OPEN[name]());
      const contestant = await this.#contestants.get(name)!;
      this.descriptions.add(contestant.description);
      const chosen = twin && !contestant.takesDynamic(batch) ? twin : task;
      const us = await this.#us(device);
      // A peer's time is used only if its outputs agree with ours.
      if (!this.#answers.has(chosen.name)) await this.#answer(us, chosen);
      return await this.#with(
        us,
        task,
        (turn) => this.#with(contestant, chosen, (work) => ratioInTurns(work, turn, this.#options)),
      );
    });
  }

  /** Compiles a task for a contestant, warms it up and passes the work to `measure`. */
  async #with<T>(contestant: Contestant, { name, graph, kernelsOnly }: Task, measure: (work: Timed) => Promise<T>) {
    const { inFlight } = contestant;
    const inputs = inputsOf(graph);
    const runner = await contestant.compile(graph);
    try {
      const start = performance.now();
      this.#check(contestant, name, await runner.run(inputs));
      const work = timed(() => runner.run(inputs), inFlight);
      await warmUp(work, inFlight, performance.now() - start);
      const kernelMs = kernelsOnly && runner.kernelMs;
      return await measure(kernelMs ? () => kernelMs(inputs) : work);
    } finally {
      await runner.dispose();
    }
  }

  async #answer(contestant: Contestant, { name, graph }: Task): Promise<void> {
    const runner = await contestant.compile(graph);
    this.#check(contestant, name, await runner.run(inputsOf(graph)));
    await runner.dispose();
  }

  /** Stores this project's outputs, the first ones of each task. Checks all later outputs against them. */
  #check(contestant: Contestant, task: string, answer: Tensors): void {
    const known = this.#answers.get(task);
    if (known) expectAgreement(contestant.name, task, known, answer);
    else this.#answers.set(task, answer);
  }

  #once(name: string, measure: () => Promise<number | undefined>): Promise<number | undefined> {
    let time = this.#times.get(name);
    if (!time) this.#times.set(name, time = measure());
    return time;
  }

  async #openWebGpu(): Promise<WebGpuBackend> {
    const backend = await openWebGpu({ operands: this.#options.operands });
    if (!backend) throw new DeviceError("no WebGPU adapter was found (Debian: apt-get install mesa-vulkan-drivers)");
    return backend;
  }
}
