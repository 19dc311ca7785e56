/**
 * Opening a WebGPU device, in Deno or a browser, and watching over it: whatever goes wrong on the device later becomes a
 * DeviceError of the run that meets it.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { Backend } from "../graph/backend.ts";
import type { Graph } from "../graph/graph.ts";
import { compileGraph, type WebGpuExecutable } from "./executable.ts";
import type { Shader } from "./kernel.ts";
import type { ChooseVariant } from "./kernels/variants.ts";
import { TEXTURE_WIDTH } from "./layout.ts";
import type { Capabilities, Profile } from "./planner.ts";
import { tunedChoice } from "./tuning/choose.ts";
import type { Tuning } from "./tuning/tuning.ts";

/** Features that are used where an adapter offers them. */
const OPTIONAL_FEATURES = ["timestamp-query", "subgroups", "shader-f16"] as const;

/** Limits raised to what the adapter offers. */
const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxStorageTexturesPerShaderStage",
  "maxTextureDimension2D",
  "maxComputeWorkgroupsPerDimension",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/** Storage textures are read in WGSL only where this language feature exists. */
const TEXTURE_READS = "readonly_and_readwrite_storage_textures";

/** Choices of {@link openWebGpu}. */
export interface WebGpuOptions {
  /**
   * Where kernels read the operands they use over and over. "texture": storage textures, several times faster on
   * software adapters. "buffer": storage buffers, which every adapter has. Left out: textures on software adapters.
   */
  readonly operands?: "texture" | "buffer";
  /** Whose habits the choice of kernels follows. Left out: "software" on software adapters, else "hardware". */
  readonly profile?: Profile;
  /** Use at most so many bytes of one storage binding, below the adapter's own limit. */
  readonly maxBindingBytes?: number;
  /**
   * Whether 3x3 convolutions may use Winograd's algorithm, which is faster and rounds more: errors of about 1e-6 relative
   * to a layer's largest number instead of a few 1e-7. True unless said.
   */
  readonly winograd?: boolean;
  /** What is known of the speed of kernels, and whether to find out more when a graph is compiled. */
  readonly tuning?: Tuning;
}

/** Opens the system's WebGPU device; null where there is none. Throws DeviceError where the adapter refuses a device. */
export async function openWebGpu(options: WebGpuOptions = {}): Promise<WebGpuBackend | null> {
  const gpu = globalThis.navigator?.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return null;
  const description = adapter.info.description || [adapter.info.vendor, adapter.info.architecture].join(" ").trim();
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      requiredFeatures: OPTIONAL_FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(RAISED_LIMITS.map((limit) => [limit, adapter.limits[limit]])),
    });
  } catch (error) {
    throw new DeviceError(`the WebGPU adapter "${description}" gave no device: ${(error as Error).message}`);
  }
  // Not every WebGPU type library knows the set yet.
  const { wgslLanguageFeatures } = gpu as GPU & { wgslLanguageFeatures?: ReadonlySet<string> };
  const readsTextures = wgslLanguageFeatures?.has(TEXTURE_READS) ?? false;
  if (options.operands === "texture" && !readsTextures) {
    throw new DeviceError(`the WebGPU adapter "${description}" cannot read storage textures; leave "operands" out`);
  }
  const isSoftware = adapter.info.isFallbackAdapter || /llvmpipe|swiftshader|basic render/i.test(description);
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = device.limits;
  return new WebGpuBackend(device, description, {
    profile: options.profile ?? (isSoftware ? "software" : "hardware"),
    maxBindingBytes: Math.min(device.limits.maxStorageBufferBindingSize, options.maxBindingBytes ?? Infinity),
    maxTextureTexels: device.limits.maxTextureDimension2D * TEXTURE_WIDTH,
    operands: options.operands ?? (readsTextures && isSoftware ? "texture" : "buffer"),
    winograd: options.winograd ?? true,
    workgroup: {
      bytes: device.limits.maxComputeWorkgroupStorageSize,
      invocations: Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX),
    },
  }, options.tuning);
}

/** A WebGPU device that runs graphs. Made by {@link openWebGpu}. */
export class WebGpuBackend implements Backend {
  /** Always "webgpu". */
  readonly name = "webgpu";
  #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  #executables = new Set<WebGpuExecutable>();
  #failure: DeviceError | undefined;
  #disposed = false;

  /** Use {@link openWebGpu}. */
  constructor(
    /** The device itself, for tools that measure it. */
    readonly device: GPUDevice,
    /** The adapter's own description. */
    readonly description: string,
    /** What graphs are planned for. */
    readonly capabilities: Capabilities,
    /** Who chooses among kernels; the best guess is taken without. */
    readonly tuning?: Tuning,
  ) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#failure ??= new DeviceError(`WebGPU (${description}): ${(event as GPUUncapturedErrorEvent).error.message}`);
    });
    device.lost.then(({ reason, message }) => {
      if (this.#disposed) return;
      this.#failure = new DeviceError(
        `the WebGPU device (${description}) was lost (${reason}): ${message}; open it again`,
      );
    });
  }

  /**
   * Plans memory, builds pipelines and uploads parameters. `choose` picks among the kernels of nodes that have several;
   * left out, the best guess. Throws DeviceError where the graph does not fit.
   */
  async compile(graph: Graph, choose?: ChooseVariant): Promise<WebGpuExecutable> {
    this.check();
    const chosen = choose ?? (this.tuning && await tunedChoice(this, graph, this.tuning));
    const executable = await compileGraph(this, graph, chosen);
    this.#executables.add(executable);
    return executable;
  }

  /** Called by an executable that has freed its memory. */
  forget(executable: WebGpuExecutable): void {
    this.#executables.delete(executable);
  }

  /** Throws the device's failure, if it has failed or was disposed. */
  check(): void {
    if (this.#disposed) throw new DeviceError("the WebGPU device was disposed");
    if (this.#failure) throw this.#failure;
  }

  /** The pipeline of a shader; one for all shaders of equal source. Rejects with what the compiler said. */
  pipeline(shader: Shader): Promise<GPUComputePipeline> {
    let pipeline = this.#pipelines.get(shader.source);
    if (!pipeline) this.#pipelines.set(shader.source, pipeline = this.#makePipeline(shader));
    return pipeline;
  }

  async #makePipeline({ label, source }: Shader): Promise<GPUComputePipeline> {
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label, code: source });
    const error = await this.device.popErrorScope();
    if (error) throw new DeviceError(error.message);
    return this.device.createComputePipelineAsync({ label, layout: "auto", compute: { module, entryPoint: "main" } });
  }

  /** Frees the device once the runs in flight have ended. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const executables = [...this.#executables];
    executables.forEach((executable) => executable.dispose());
    // Some implementations end the process when a device is destroyed with work pending.
    Promise.all(executables.map((executable) => executable.idle())).then(() => this.device.destroy());
  }
}
