/**
 * One GPUDevice until it is lost: its pipelines and its errors.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { Shader } from "../plan/kernel.ts";
import { TEXTURE_WIDTH } from "../plan/layout.ts";
import type { Capabilities, Precision, Profile } from "../plan/plan.ts";
import { guarded } from "./error_scopes.ts";

/** The feature's name. Some WebGPU type libraries do not have it yet. */
const SUBGROUPS = "subgroups" as string as GPUFeatureName;

/** Features that are used if the adapter has them. */
const OPTIONAL_FEATURES = ["timestamp-query", SUBGROUPS] as const;

/** Limits that are raised to the adapter's maximum. */
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

/**
 * Most storage buffers of a kernel. This is enough for every kernel, so plans are the same on all devices that have as
 * many.
 */
const MOST_BUFFERS = 12;

/** WGSL can read storage textures only if this language feature exists. */
const TEXTURE_READS = "readonly_and_readwrite_storage_textures";

/** Most textures that a kernel reads. This is below WebGPU's guaranteed minimum, which some adapters do not meet. */
const MOST_TEXTURES = 4;

/** A lost device first makes work fail. The loss itself is reported within this many milliseconds. */
const NEWS = 100;

/** The source of adapters: `navigator.gpu`, or the same object from a package that brings WebGPU to another runtime. */
export interface GpuSource {
  /** Like `GPU.requestAdapter()` in WebGPU's specification. Resolves to a GPUAdapter, or to null if there is none. */
  requestAdapter(options?: { powerPreference?: "low-power" | "high-performance" }): Promise<object | null>;
}

/** Options that say how a device is opened and used. */
export interface ConnectionOptions {
  /**
   * The memory from which kernels read operands that they reuse. "texture": storage textures, several times faster on
   * software adapters. "buffer": storage buffers, which every adapter has.
   * @default "texture" on software adapters that can read storage textures, else "buffer"
   */
  readonly operands?: "texture" | "buffer";
  /**
   * The kind of adapter that kernels are chosen for.
   * @default "software" on software adapters, else "hardware"
   */
  readonly profile?: Profile;
  /**
   * The precision in which the device stores constant convolution weights. "float16" takes half the memory. It rounds
   * weights to about 3 digits. All computation stays in float32.
   * @default "float32"
   */
  readonly precision?: Precision;
  /** Most bytes of one storage binding, if that is below the adapter's own limit. */
  readonly maxBindingBytes?: number;
  /**
   * Whether 3x3 convolutions may use Winograd's algorithm. It is faster and rounds more: errors are about 1e-6 relative
   * to a layer's largest number, instead of a few 1e-7.
   * @default true
   */
  readonly winograd?: boolean;
  /**
   * The source of the adapter.
   * @default the platform's `navigator.gpu`
   */
  readonly gpu?: GpuSource;
}

/** Opens the platform's device. Returns null if there is none. Throws DeviceError if the adapter refuses a device. */
export async function connect(options: ConnectionOptions): Promise<Connection | null> {
  const gpu = (options.gpu ?? globalThis.navigator?.gpu) as GPU | undefined;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" }).catch((error: Error) => {
    throw new DeviceError(`the search for a WebGPU adapter failed: ${error.message}`, { cause: error });
  });
  if (!adapter) return null;
  // Some implementations do not have `info` yet.
  const info: Partial<GPUAdapterInfo> = adapter.info ?? {};
  const name = info.description || [info.vendor, info.architecture].join(" ").trim() || "an adapter without a name";
  // Reports and tuning caches identify a device by this. With float16 weights it computes other results.
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
  // Some WebGPU type libraries do not have this set yet.
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

/** Returns the limits to request. An adapter refuses a limit that it does not know or that is above its own. */
function raisedLimits({ limits }: GPUAdapter): Record<string, number> {
  return Object.fromEntries(
    RAISED_LIMITS.flatMap((limit) => typeof limits[limit] === "number" ? [[limit, limits[limit]]] : []),
  );
}

/** An open device. Created by {@link connect}. */
export class Connection {
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  /** Rejects each pending piece of work. Without it, work on a lost device could wait for ever. */
  readonly #waiting = new Set<(error: DeviceError) => void>();
  readonly #lost: Promise<void>;
  #failure: DeviceError | undefined;

  /** Do not call this; use {@link connect}. */
  constructor(
    /** The device itself. */
    readonly device: GPUDevice,
    /** The adapter's own description. */
    readonly description: string,
    /** The limits and features that graphs are planned for. */
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

  /** Throws the device's error if it has failed. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Returns the result of the work. Rejects with the device's error if the device failed meanwhile. Otherwise rejects
   * as the work does.
   */
  async watch<T>(work: Promise<T>): Promise<T> {
    let fail: (error: DeviceError) => void;
    const failed = new Promise<never>((_, reject) => this.#waiting.add(fail = reject));
    try {
      const answer = await Promise.race([work, failed]);
      this.check();
      return answer;
    } catch (error) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      // The work's rejection may arrive before the report of the loss.
      await Promise.race([this.#lost, new Promise((resolve) => timer = setTimeout(resolve, NEWS))]);
      clearTimeout(timer);
      this.check();
      throw error;
    } finally {
      this.#waiting.delete(fail!);
    }
  }

  /**
   * Returns the pipeline of a shader. Shaders of equal source share one pipeline. Rejects with the compiler's message.
   */
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
