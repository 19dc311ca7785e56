/**
 * A planned graph on a device: memory, pipelines and bind groups made once, one command buffer and one await a run.
 *
 * @module
 */

import { DeviceError, ShapeError } from "../errors.ts";
import type { Executable, Tensors } from "../graph/backend.ts";
import { type Graph, size } from "../graph/graph.ts";
import type { WebGpuBackend } from "./device.ts";
import { gridOf } from "./kernel.ts";
import { type Command, encodeCommands } from "./commands.ts";
import { guarded } from "./error_scopes.ts";
import type { ChooseVariant } from "./kernels/variants.ts";
import { DeviceMemory } from "./memory.ts";
import { checkLength, readParameters, uploadParameters } from "./parameters.ts";
import { type Border, type Plan, planGraph, textureRows } from "./planner.ts";
import { type Clock, type Span, timeEach } from "./timing.ts";

/** Compiles a graph. Throws DeviceError, naming the layer, where the device cannot run it. */
export async function compileGraph(
  backend: WebGpuBackend,
  graph: Graph,
  choose?: ChooseVariant,
): Promise<WebGpuExecutable> {
  const { device } = backend;
  const plan = planGraph(graph, backend.capabilities, choose);
  const memory = await guarded(device, "allocating memory", () => new DeviceMemory(device, plan));
  try {
    // Started before the parameters are read, so that drivers compile meanwhile.
    const commands = makeCommands(backend, plan, memory);
    commands.catch(() => {});
    await uploadParameters(backend.device, plan, memory);
    return new WebGpuExecutable(backend, plan, memory, await commands);
  } catch (error) {
    memory.destroy();
    throw error;
  }
}

/** The commands of a plan's steps, their pipelines compiled side by side. Throws DeviceError, naming the layer. */
export function makeCommands(backend: WebGpuBackend, plan: Plan, memory: DeviceMemory): Promise<Command[]> {
  const { device } = backend;
  const limit = device.limits.maxComputeWorkgroupsPerDimension;
  return Promise.all(plan.steps.map(async (step, i): Promise<Command> => {
    if (step.kind === "copy") {
      return {
        kind: "copy",
        from: memory.buffer(step.from),
        to: step.to.form === "buffer" ? memory.buffer(step.to) : memory.texture(step.to),
        rows: textureRows(step.to.texels),
      };
    }
    const { shader, reads, writes, invocations } = step.dispatch;
    const what = `${step.node} (${shader.label})`;
    const pipeline = await backend.pipeline(shader).catch((error: Error) => {
      throw new DeviceError(`${what}: ${error.message}`);
    });
    const bindGroup = await guarded(device, what, () =>
      device.createBindGroup({
        label: what,
        layout: pipeline.getBindGroupLayout(0),
        entries: [memory.uniforms(i), ...[...reads, ...writes].map((r) => memory.binding(r))]
          .map((resource, binding) => ({ binding, resource })),
      }));
    return {
      kind: "dispatch",
      pipeline,
      bindGroup,
      grid: gridOf(Math.ceil(invocations / shader.workgroupSize), limit),
    };
  }));
}

/** What a step cost. */
export interface StepTime extends Span {
  /** The layer. */
  readonly node: string;
  /** The kernel's label, or "copy". */
  readonly kernel: string;
}

/** A graph that runs on a WebGPU device. */
export class WebGpuExecutable implements Executable {
  readonly #backend: WebGpuBackend;
  readonly #memory: DeviceMemory;
  readonly #commands: readonly Command[];
  readonly #readbackBytes: number;
  readonly #freeReadbacks: GPUBuffer[] = [];
  readonly #inFlight = new Set<Promise<unknown>>();
  #disposed = false;

  /** Use WebGpuBackend.compile. */
  constructor(
    backend: WebGpuBackend,
    /** What runs: for tools that print or measure it. */
    readonly plan: Plan,
    memory: DeviceMemory,
    commands: readonly Command[],
  ) {
    this.#backend = backend;
    this.#memory = memory;
    this.#commands = commands;
    this.#readbackBytes = [...plan.outputs.values()].reduce((bytes, { resource }) => bytes + resource.texels * 16, 0);
  }

  /**
   * Runs the graph once. Several runs may be started before the first is awaited. Throws ShapeError where an input is
   * missing, unknown or of the wrong length, and DeviceError where the device failed.
   */
  run(inputs: Tensors): Promise<Tensors> {
    return this.#track(this.#run(inputs));
  }

  #track(work: Promise<Tensors>): Promise<Tensors> {
    this.#inFlight.add(work);
    const done = () => this.#inFlight.delete(work);
    work.then(done, done);
    return work;
  }

  /**
   * Runs the steps of {@link plan} one by one and answers when each ran, by timestamps where the adapter has them (see
   * ./timing.ts). Throws what {@link run} throws.
   */
  async profile(inputs: Tensors, clock?: Clock): Promise<StepTime[]> {
    this.#check();
    this.#writeInputs(inputs);
    const spans = await timeEach(this.#backend.device, this.#commands, clock);
    return this.plan.steps.map((step, i) => ({
      node: step.node,
      kernel: step.kind === "copy" ? "copy" : step.dispatch.shader.label,
      ...spans[i],
    }));
  }

  /**
   * What parameters hold after the runs started so far, in row-major order. Throws ShapeError where the graph has no
   * parameter of a name, and DeviceError where the device failed.
   */
  read(names: Iterable<string>): Promise<Tensors> {
    return this.#track(this.#readParameters([...names]));
  }

  /** Resolves when no run is in flight. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  /** Frees parameters and activations once the runs in flight have ended. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.idle().then(() => {
      this.#memory.destroy();
      this.#freeReadbacks.forEach((buffer) => buffer.destroy());
      this.#backend.forget(this);
    });
  }

  async #readParameters(names: readonly string[]): Promise<Tensors> {
    this.#check();
    try {
      return await readParameters(this.#backend.device, this.plan, this.#memory, names);
    } finally {
      this.#backend.check();
    }
  }

  #check(): void {
    if (this.#disposed) throw new DeviceError("this executable was disposed; compile the graph again");
    this.#backend.check();
  }

  async #run(inputs: Tensors): Promise<Tensors> {
    this.#check();
    this.#writeInputs(inputs);
    const readback = this.#submit();
    try {
      await readback.mapAsync(GPUMapMode.READ);
    } catch (error) {
      this.#backend.check();
      throw new DeviceError(`reading the outputs back: ${(error as Error).message}`);
    }
    const answer = this.#outputs(readback.getMappedRange());
    readback.unmap();
    this.#freeReadbacks.push(readback);
    this.#backend.check();
    return answer;
  }

  #writeInputs(inputs: Tensors): void {
    const { inputs: known } = this.plan;
    for (const name of Object.keys(inputs)) {
      if (!known.has(name)) {
        throw new ShapeError(`the graph has no input "${name}"; it takes ${[...known.keys()].join(", ")}`);
      }
    }
    const given = [...known].map(([name, { value, resource }]) => {
      const data = inputs[name] ?? (value.source.kind === "input" ? value.source.initial : undefined);
      if (!data) throw new ShapeError(`the input "${name}" [${value.shape.join(", ")}] is missing`);
      checkLength(`the input "${name}"`, value, data);
      return { resource, data };
    });
    for (const { resource, data } of given) {
      this.#backend.device.queue.writeBuffer(this.#memory.buffer(resource), 0, data);
    }
  }

  #submit(): GPUBuffer {
    const { device } = this.#backend;
    const readback = this.#freeReadbacks.pop() ?? device.createBuffer({
      label: "outputs",
      size: this.#readbackBytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    encodeCommands(encoder, this.#commands);
    this.#eachOutput((_, { resource }, offset) =>
      encoder.copyBufferToBuffer(this.#memory.buffer(resource), 0, readback, offset, resource.texels * 16)
    );
    device.queue.submit([encoder.finish()]);
    return readback;
  }

  #outputs(bytes: ArrayBuffer): Tensors {
    const answer: Tensors = {};
    this.#eachOutput((name, { value }, offset) => {
      answer[name] = new Float32Array(bytes, offset, size(value.shape)).slice();
    });
    return answer;
  }

  /** Visits the outputs with their offsets in a readback buffer. */
  #eachOutput(visit: (name: string, border: Border, offset: number) => void): void {
    let offset = 0;
    for (const [name, border] of this.plan.outputs) {
      visit(name, border, offset);
      offset += border.resource.texels * 16;
    }
  }
}
