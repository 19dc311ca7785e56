/**
 * A planned graph on a device. Memory, pipelines and bind groups are created once. A run is a few submissions and one
 * await.
 *
 * @module
 */

import { DeviceError, ShapeError } from "../../errors.ts";
import { DISPOSED, type Executable, type Tensors } from "../../graph/backend.ts";
import { inputChecks } from "../../graph/check_inputs.ts";
import { type Graph, size } from "../../graph/graph.ts";
import { guarded } from "../connection/error_scopes.ts";
import { BUFFER_USAGE, MAP_MODE } from "../connection/usage.ts";
import type { Resource } from "../plan/kernel.ts";
import type { Border, Plan, Step } from "../plan/plan.ts";
import type { ChooseVariant } from "../plan/variant.ts";
import { planGraph } from "../planner/planner.ts";
import type { DeviceOwner } from "./backend.ts";
import { encodeCommands, refusedCommand } from "./commands.ts";
import type { DeviceMemory } from "./memory.ts";
import { checkLength, readParameters } from "./parameters.ts";
import { free, place, type Placed } from "./placement.ts";
import { type Clock, type Span, timeEach } from "./timing.ts";

/** Compiles a graph. Throws DeviceError, with the layer's name, if the device cannot run it. */
export async function compileGraph(
  backend: DeviceOwner,
  graph: Graph,
  choose?: ChooseVariant,
): Promise<WebGpuExecutable> {
  const plan = planGraph(graph, backend.capabilities, choose);
  return new WebGpuExecutable(backend, plan, await place(backend, plan), inputChecks(graph));
}

/** The time of a step. */
export interface StepTime extends Span {
  /** The layer's name. */
  readonly node: string;
  /** The kernel's label, or "copy". */
  readonly kernel: string;
}

function describeStep(step: Step): Pick<StepTime, "node" | "kernel"> {
  return { node: step.node, kernel: step.kind === "copy" ? "copy" : step.dispatch.shader.label };
}

/** An input of a run: its numbers and the buffer that receives them. */
interface GivenInput {
  readonly resource: Resource;
  readonly data: Float32Array<ArrayBuffer>;
}

function writeInputs(device: GPUDevice, memory: DeviceMemory, inputs: readonly GivenInput[]): void {
  for (const { resource, data } of inputs) device.queue.writeBuffer(memory.buffer(resource), 0, data);
}

/** A graph that runs on a WebGPU device. */
export class WebGpuExecutable implements Executable {
  readonly #backend: DeviceOwner;
  readonly #readbackBytes: number;
  readonly #checkInputs: (inputs: Tensors) => void;
  readonly #inFlight = new Set<Promise<unknown>>();
  #placed: Placed;
  #moving: Promise<void> | undefined;
  #disposed = false;

  /** Do not call this; use WebGpuBackend.compile. */
  constructor(
    backend: DeviceOwner,
    /** The plan, for tools that print or measure it. */
    readonly plan: Plan,
    placed: Placed,
    checkInputs: (inputs: Tensors) => void,
  ) {
    this.#checkInputs = checkInputs;
    this.#backend = backend;
    this.#placed = placed;
    this.#readbackBytes = [...plan.outputs.values()].reduce((bytes, { resource }) => bytes + resource.texels * 16, 0);
  }

  /**
   * Runs the graph once. Several runs may be started before the first is awaited. The inputs must not change until the
   * run has resolved. If the device is lost, it is opened again. The run is then repeated if it updates no parameters.
   * Throws ShapeError if an input is missing, unknown or of the wrong length. Throws DeviceError if the device failed;
   * its reason is "lost" if updates of parameters were lost.
   */
  run(inputs: Tensors): Promise<Tensors> {
    return this.#track(this.#redo(() => this.#run(inputs)));
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#inFlight.add(work);
    const done = () => this.#inFlight.delete(work);
    work.then(done, done);
    return work;
  }

  /**
   * Does work on the device that holds the plan. If the device is lost, repeats the work, unless the plan updates
   * parameters. A repetition would start without their updates.
   */
  #redo<T>(work: () => Promise<T>): Promise<T> {
    return this.plan.updated.size ? work() : this.#backend.redo(work);
  }

  /**
   * Runs the steps of {@link plan} one by one and returns when each ran. Uses timestamps if the adapter has them (see
   * ./timing.ts). Throws what {@link run} throws.
   */
  async profile(inputs: Tensors, clock?: Clock): Promise<StepTime[]> {
    this.#check();
    if (this.#isElsewhere()) await this.#move();
    const { connection, memory, parts } = this.#placed;
    writeInputs(connection.device, memory, this.#checkedInputs(inputs));
    const spans = await connection.watch(timeEach(connection.device, parts, clock));
    return this.plan.steps.map((step, i) => ({ ...describeStep(step), ...spans[i] }));
  }

  /**
   * Returns the values of parameters after the runs started so far, in row-major order. Throws ShapeError if the graph
   * has no parameter of a given name. Throws DeviceError if the device failed.
   */
  read(names: Iterable<string>): Promise<Tensors> {
    const all = [...names];
    return this.#track(this.#redo(() => this.#readParameters(all)));
  }

  /** Resolves when no run is in flight. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  /** Frees parameters and activations after the runs in flight have ended. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.idle().then(() => {
      free(this.#placed);
      this.#backend.forget(this);
    });
  }

  async #readParameters(names: readonly string[]): Promise<Tensors> {
    this.#check();
    if (this.#isElsewhere()) await this.#move();
    const { connection, memory } = this.#placed;
    return await connection.watch(readParameters(connection.device, this.plan, memory, names));
  }

  #check(): void {
    if (this.#disposed) throw new DeviceError(DISPOSED);
    this.#backend.check();
  }

  /** Whether the device was opened again after the plan was placed. */
  #isElsewhere(): boolean {
    return this.#placed.connection !== this.#backend.connection;
  }

  /** Places the plan on the current device. Throws DeviceError if updates of parameters were lost. */
  #move(): Promise<void> {
    if (this.plan.updated.size) {
      throw new DeviceError(
        "the WebGPU device was lost, and with it what the runs have changed; compile the graph again",
        {
          reason: "lost",
        },
      );
    }
    return this.#moving ??= place(this.#backend, this.plan).then((placed) => {
      free(this.#placed);
      this.#placed = placed;
    }).finally(() => this.#moving = undefined);
  }

  async #run(inputs: Tensors): Promise<Tensors> {
    this.#check();
    if (this.#isElsewhere()) await this.#move();
    const placed = this.#placed;
    const given = this.#checkedInputs(inputs);
    return await placed.connection.watch(this.#runOn(placed, given));
  }

  async #runOn(placed: Placed, inputs: readonly GivenInput[]): Promise<Tensors> {
    const kept = placed.readbacks.pop();
    if (kept) this.#submit(placed, inputs, kept);
    const readback = kept ?? await this.#submitChecked(placed, inputs);
    try {
      await readback.mapAsync(MAP_MODE.READ);
    } catch (error) {
      throw new DeviceError(`reading the outputs back: ${(error as Error).message}`);
    }
    const answer = this.#outputs(readback.getMappedRange());
    readback.unmap();
    placed.readbacks.push(readback);
    return answer;
  }

  /**
   * Submits, within error scopes, a run that creates a new buffer for its outputs, as the first run does. So an invalid
   * command throws and never returns zeros. Later runs reuse the buffer and the commands that were checked.
   */
  async #submitChecked(placed: Placed, inputs: readonly GivenInput[]): Promise<GPUBuffer> {
    const { connection: { device }, parts } = placed;
    try {
      return await guarded(device, "running", () => {
        const usage = BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST;
        const readback = device.createBuffer({ label: "outputs", size: this.#readbackBytes, usage });
        this.#submit(placed, inputs, readback);
        return readback;
      });
    } catch (error) {
      const refused = await refusedCommand(device, parts.flat());
      if (!refused) throw error;
      const { node, kernel } = describeStep(this.plan.steps[refused.index]);
      throw new DeviceError(`${node} (${kernel}): ${refused.message}`);
    }
  }

  /**
   * Returns the graph's inputs for a run. Throws ShapeError if one is missing, unknown or of the wrong length. Throws
   * what inputChecks throws.
   */
  #checkedInputs(inputs: Tensors): GivenInput[] {
    const { inputs: known } = this.plan;
    this.#checkInputs(inputs);
    for (const name of Object.keys(inputs)) {
      if (!known.has(name)) {
        throw new ShapeError(`the graph has no input "${name}"; it takes ${[...known.keys()].join(", ")}`);
      }
    }
    return [...known].map(([name, { value, resource }]) => {
      const data = inputs[name] ?? (value.source.kind === "input" ? value.source.initial : undefined);
      if (!data) throw new ShapeError(`the input "${name}" [${value.shape.join(", ")}] is missing`);
      checkLength(`the input "${name}"`, value, data);
      return { resource, data };
    });
  }

  #submit(
    { connection: { device }, memory, parts }: Placed,
    inputs: readonly GivenInput[],
    readback: GPUBuffer,
  ): void {
    writeInputs(device, memory, inputs);
    for (const [i, commands] of parts.entries()) {
      const encoder = device.createCommandEncoder();
      encodeCommands(encoder, commands);
      if (i === parts.length - 1) {
        this.#eachOutput((_, { resource }, offset) =>
          encoder.copyBufferToBuffer(memory.buffer(resource), 0, readback, offset, resource.texels * 16)
        );
      }
      device.queue.submit([encoder.finish()]);
    }
  }

  #outputs(bytes: ArrayBuffer): Tensors {
    const answer: Tensors = {};
    this.#eachOutput((name, { value }, offset) => {
      answer[name] = new Float32Array(bytes, offset, size(value.shape)).slice();
    });
    return answer;
  }

  /** Calls `visit` for each output with its offset in a readback buffer. */
  #eachOutput(visit: (name: string, border: Border, offset: number) => void): void {
    let offset = 0;
    for (const [name, border] of this.plan.outputs) {
      visit(name, border, offset);
      offset += border.resource.texels * 16;
    }
  }
}
