/**
 * A GPUDevice for as long as it lives: its pipelines, and whatever has gone wrong on it.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { Shader } from "../plan/kernel.ts";
import { TEXTURE_WIDTH } from "../plan/layout.ts";
import type { Capabilities, Precision, Profile } from "../plan/plan.ts";
import { guarded } from "./error_scopes.ts";

/** Not every WebGPU type library knows it yet. */
const SUBGROUPS = "subgroups" as string as GPUFeatureName;

/** Features that are used where an adapter offers them. */
const OPTIONAL_FEATURES = ["timestamp-query", SUBGROUPS] as const;

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

/** Most storage buffers of a kernel: enough for all, so that plans are the same wherever there are as many. */
const MOST_BUFFERS = 12;

/** Storage textures are read in WGSL only where this language feature exists. */
const TEXTURE_READS = "readonly_and_readwrite_storage_textures";

/** Most textures that a kernel reads: fewer than WebGPU promises, which not every adapter keeps. */
const MOST_TEXTURES = 4;

/** Milliseconds in which the news of a lost device follows the failures that it causes. */
const NEWS = 100;

/** Where adapters come from: `navigator.gpu`, or the same of a package that brings WebGPU to another runtime. */
export interface GpuSource {
  /** As `GPU.requestAdapter()` of WebGPU's specification: a GPUAdapter, or null if there is none. */
  requestAdapter(options?: { powerPreference?: "low-power" | "high-performance" }): Promise<object | null>;
}

/** How a device is opened and used. */
export interface ConnectionOptions {
  /**
   * Where kernels read the operands they use over and over. "texture": storage textures, several times faster on
   * software adapters. "buffer": storage buffers, which every adapter has. Left out: textures on software adapters.
   */
  readonly operands?: "texture" | "buffer";
  /** Whose habits the choice of kernels follows. Left out: "software" on software adapters, else "hardware". */
  readonly profile?: Profile;
  /**
   * How weights of convolutions are kept on the device that no run changes. "float16" takes half the memory; computing stays
   * in float32, with weights rounded to about 3 digits. "float32" unless said.
   */
  readonly precision?: Precision;
  /** Use at most so many bytes of one storage binding, below the adapter's own limit. */
  readonly maxBindingBytes?: number;
  /**
   * Whether 3x3 convolutions may use Winograd's algorithm, which is faster and rounds more: errors of about 1e-6 relative
   * to a layer's largest number instead of a few 1e-7. True unless said.
   */
  readonly winograd?: boolean;
  /** Whose adapter; the platform's if left out. */
  readonly gpu?: GpuSource;
}

/** Opens the platform's device; null where it has none. Throws DeviceError where it refuses. */
export async function connect(options: ConnectionOptions): Promise<Connection | null> {
  const gpu = (options.gpu ?? globalThis.navigator?.gpu) as GPU | undefined;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" }).catch((error: Error) => {
    throw new DeviceError(`the search for a WebGPU adapter failed: ${error.message}`, { cause: error });
  });
  if (!adapter) return null;
  // Not every implementation has it yet.
  const info: Partial<GPUAdapterInfo> = adapter.info ?? {};
  const name = info.description || [info.vendor, info.architecture].join(" ").trim() || "an adapter without a name";
  // What reports and tuning caches know a device by: its answers are others.
  const description = options.precision === "float16" ? `${name}, float16 weights` : name;
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      requiredFeatures: OPTIONAL_FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: raisedLimits(adapter),
    });
  } catch (error) {
    throw new DeviceError(`the WebGPU adapter "${description}" gave no device: ${(error as Error).message}`);
  }
  // Not every WebGPU type library knows the set yet.
  const { wgslLanguageFeatures } = gpu as GPU & { wgslLanguageFeatures?: ReadonlySet<string> };
  const readsTextures = (wgslLanguageFeatures?.has(TEXTURE_READS) ?? false) &&
    device.limits.maxStorageTexturesPerShaderStage >= MOST_TEXTURES;
  if (options.operands === "texture" && !readsTextures) {
    throw new DeviceError(`the WebGPU adapter "${description}" cannot read storage textures; leave "operands" out`);
  }
  const isSoftware = info.isFallbackAdapter || /llvmpipe|swiftshader|basic render/i.test(description);
  const { subgroupMinSize } = info as { subgroupMinSize?: number };
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX, maxTextureDimension2D } = device.limits;
  return new Connection(device, description, {
    profile: options.profile ?? (isSoftware ? "software" : "hardware"),
    maxBindingBytes: Math.min(device.limits.maxStorageBufferBindingSize, options.maxBindingBytes ?? Infinity),
    maxBufferBytes: device.limits.maxBufferSize,
    maxWorkgroups: device.limits.maxComputeWorkgroupsPerDimension,
    maxTextureTexels: maxTextureDimension2D < TEXTURE_WIDTH ? 0 : maxTextureDimension2D * TEXTURE_WIDTH,
    operands: options.operands ?? (readsTextures && isSoftware ? "texture" : "buffer"),
    winograd: options.winograd ?? true,
    precision: options.precision ?? "float32",
    subgroups: device.features.has(SUBGROUPS) ? subgroupMinSize : undefined,
    storageBuffers: Math.min(device.limits.maxStorageBuffersPerShaderStage, MOST_BUFFERS),
    workgroup: {
      bytes: device.limits.maxComputeWorkgroupStorageSize,
      invocations: Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX),
    },
  });
}

/** What to ask a device for: an adapter refuses a limit that it does not know, or one above its own. */
function raisedLimits({ limits }: GPUAdapter): Record<string, number> {
  return Object.fromEntries(
    RAISED_LIMITS.flatMap((limit) => typeof limits[limit] === "number" ? [[limit, limits[limit]]] : []),
  );
}

/** Made by {@link connect}. */
export class Connection {
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  /** Who waits for the device, and would wait for ever if it were lost without a word to them. */
  readonly #waiting = new Set<(error: DeviceError) => void>();
  readonly #lost: Promise<void>;
  #failure: DeviceError | undefined;

  /** Use {@link connect}. */
  constructor(
    /** The device itself. */
    readonly device: GPUDevice,
    /** The adapter's own description. */
    readonly description: string,
    /** What graphs are planned for. */
    readonly capabilities: Capabilities,
  ) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#failure ??= new DeviceError(`WebGPU (${description}): ${(event as GPUUncapturedErrorEvent).error.message}`);
    });
    this.#lost = device.lost.then(({ reason, message }) => {
      const failure = new DeviceError(`the WebGPU device (${description}) was lost (${reason}): ${message}`, {
        reason: "lost",
      });
      this.#failure = failure;
      this.#waiting.forEach((fail) => fail(failure));
    });
  }

  /** Throws the device's failure, if it has failed. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** What the work resolves to. Rejects with the device's failure where it has failed meanwhile, else as the work does. */
  async watch<T>(work: Promise<T>): Promise<T> {
    let fail: (error: DeviceError) => void;
    const failed = new Promise<never>((_, reject) => this.#waiting.add(fail = reject));
    try {
      const answer = await Promise.race([work, failed]);
      this.check();
      return answer;
    } catch (error) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      // What a lost device rejects may be heard of before the loss itself.
      await Promise.race([this.#lost, new Promise((resolve) => timer = setTimeout(resolve, NEWS))]);
      clearTimeout(timer);
      this.check();
      throw error;
    } finally {
      this.#waiting.delete(fail!);
    }
  }

  /** The pipeline of a shader; one for all shaders of equal source. Rejects with what the compiler said. */
  pipeline(shader: Shader): Promise<GPUComputePipeline> {
    let pipeline = this.#pipelines.get(shader.source);
    if (!pipeline) this.#pipelines.set(shader.source, pipeline = this.#makePipeline(shader));
    return pipeline;
  }

  async #makePipeline({ label, source }: Shader): Promise<GPUComputePipeline> {
    const module = await guarded(this.device, label, () => this.device.createShaderModule({ label, code: source }));
    return await this.device.createComputePipelineAsync({
      label,
      layout: "auto",
      compute: { module, entryPoint: "main" },
    });
  }
}
