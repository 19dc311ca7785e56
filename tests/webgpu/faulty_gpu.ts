/**
 * Wraps the system's GPU in a layer that counts calls and can be told to fail. Results are real. The layer only lowers
 * the adapter's limits and features, refuses memory, and loses devices.
 */

/** What goes wrong. */
export interface Faults {
  /**
   * What the adapter and its devices say they offer. Real devices never have less than WebGPU's defaults: below those, the
   * layer refuses what exceeds the limit, as a validation error. Nor do they have more than the system's: above those, the
   * real device refuses what the layer lets pass.
   */
  readonly limits?: Readonly<Record<string, number>>;
  /** The features that the adapter offers, of those that it has. */
  readonly features?: readonly string[];
  /** Bytes of buffers and textures that a device has: one too many is refused as WebGPU does, by an error scope. */
  readonly memory?: number;
  /** Call of a device or its queue at which it is destroyed (really), counted from 1 over all devices; one or several. */
  readonly destroyAt?: readonly number[];
  /** Calls after which every device is destroyed. */
  readonly lifetime?: number;
  /** Devices that the adapter gives at all. */
  readonly devices?: number;
  /** What becomes of each timestamp, in nanoseconds. */
  readonly clock?: (nanoseconds: bigint) => bigint;
}

type Method = (...args: unknown[]) => unknown;

/** A GPU that fails on purpose. */
export class FaultyGpu {
  /** To be given to openWebGpu. */
  readonly gpu: GPU;
  /** Buffers and textures that were made and not destroyed, with their bytes. */
  readonly live: Map<unknown, number> = new Map();
  /** Buffers and textures that were ever made. */
  made = 0;
  /** The most bytes that were live. */
  peakBytes = 0;
  /** Devices that were given. */
  devices = 0;
  /** Calls of devices and queues. */
  calls = 0;
  /** Passes that ended without a dispatch. */
  emptyPasses = 0;
  /** Lets the last device be lost as a driver does that hangs: nothing is heard of it any more but the loss. */
  lose: () => void = () => {};
  readonly #faults: Faults;

  constructor(faults: Faults = {}) {
    this.#faults = faults;
    const { gpu } = navigator;
    this.gpu = layer(gpu, {
      requestAdapter: async (options: GPURequestAdapterOptions) => {
        const adapter = await gpu.requestAdapter(options);
        return adapter && this.#adapter(adapter);
      },
    });
  }

  /** Bytes of what is live. */
  get liveBytes(): number {
    return [...this.live.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #adapter(adapter: GPUAdapter): GPUAdapter {
    const { limits = {}, features, devices = Infinity } = this.#faults;
    return layer(adapter, {
      limits: layer(adapter.limits, limits),
      features: new Set(features ?? adapter.features),
      requestDevice: async (descriptor: GPUDeviceDescriptor) => {
        if (this.devices >= devices) throw new DOMException("no more devices", "OperationError");
        this.devices++;
        const asked = Object.entries(descriptor.requiredLimits ?? {}) as [keyof GPUSupportedLimits, number][];
        const requiredLimits = Object.fromEntries(
          asked.map(([name, value]) => [name, Math.min(value, Number(adapter.limits[name]))]),
        );
        return this.#device(await adapter.requestDevice({ ...descriptor, requiredLimits }));
      },
    });
  }

  #device(device: GPUDevice): GPUDevice {
    const { memory = Infinity, limits = {}, lifetime, clock } = this.#faults;
    let calls = 0;
    const limit = (name: string) => limits[name] ?? Infinity;
    const scopes: { filter: string; error: GPUError | null }[] = [];
    /** Buffers that hold timestamps. */
    const stamps = new Set<unknown>();
    let isLost = false;
    const lost = new Promise<unknown>((resolve) => {
      device.lost.then(resolve);
      this.lose = () => {
        isLost = true;
        resolve({ reason: "unknown", message: "the driver hangs" });
      };
    });
    const own = (made: GPUBuffer | GPUTexture, bytes: number) => {
      this.live.set(made, bytes);
      this.made++;
      this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
      const { destroy } = made;
      made.destroy = () => {
        this.live.delete(made);
        destroy.call(made);
      };
      return made;
    };
    const refuse = (name: string, needed: number) => {
      if (needed <= limit(name)) return;
      const scope = scopes.findLast(({ filter }) => filter === "validation");
      if (!scope) throw new Error(`${needed} exceed ${name} outside of error scopes`);
      scope.error ??= new GPUValidationError(`${needed} exceed ${name}, which is ${limit(name)}`);
    };
    const allocate = (bytes: number, make: (small: boolean) => GPUBuffer | GPUTexture) => {
      if (this.liveBytes + bytes <= memory) return own(make(false), bytes);
      const scope = scopes.findLast(({ filter }) => filter === "out-of-memory");
      if (!scope) throw new Error("memory was asked for outside of error scopes");
      scope.error ??= new GPUOutOfMemoryError(`not enough memory left for ${bytes} bytes`);
      return own(make(true), 0);
    };
    const methods: Record<string, Method> = {
      createBuffer: (descriptor) => {
        const { size } = descriptor as GPUBufferDescriptor;
        return allocate(size, (small) => {
          const buffer = device.createBuffer({ ...descriptor as GPUBufferDescriptor, ...(small && { size: 16 }) });
          const { mapAsync, getMappedRange } = buffer;
          if (clock) {
            buffer.getMappedRange = (...range) => {
              const bytes = getMappedRange.apply(buffer, range);
              return stamps.has(buffer) ? new BigUint64Array(bytes.slice(0)).map(clock).buffer : bytes;
            };
          }
          buffer.mapAsync = async (mode) => {
            await mapAsync.call(buffer, mode);
            if (isLost) await new Promise(() => {});
          };
          return buffer;
        });
      },
      createTexture: (descriptor) => {
        const { size } = descriptor as { size: number[] };
        size.forEach((extent) => refuse("maxTextureDimension2D", extent));
        return allocate(size[0] * size[1] * 16, (small) => {
          return device.createTexture({ ...descriptor as GPUTextureDescriptor, ...(small && { size: [1, 1] }) });
        });
      },
      createShaderModule: (descriptor) => {
        const { code } = descriptor as GPUShaderModuleDescriptor;
        for (const [name, needed] of Object.entries(needsOf(code))) refuse(name, needed);
        return device.createShaderModule(descriptor as GPUShaderModuleDescriptor);
      },
      createBindGroup: (descriptor) => {
        const { entries } = descriptor as GPUBindGroupDescriptor;
        for (const { resource } of entries) {
          refuse("maxStorageBufferBindingSize", (resource as GPUBufferBinding).size ?? 0);
        }
        return device.createBindGroup(descriptor as GPUBindGroupDescriptor);
      },
      createCommandEncoder: () => {
        const encoder = device.createCommandEncoder();
        const resolveQuerySet = (...args: Parameters<GPUCommandEncoder["resolveQuerySet"]>) => {
          stamps.add(args[3]);
          encoder.resolveQuerySet(...args);
        };
        const copyBufferToBuffer = (...args: unknown[]) => {
          if (stamps.has(args[0])) stamps.add(args[2]);
          (encoder.copyBufferToBuffer as Method).apply(encoder, args);
        };
        const beginComputePass = (descriptor?: GPUComputePassDescriptor) => {
          const pass = encoder.beginComputePass(descriptor);
          let isEmpty = true;
          const end = () => {
            if (isEmpty) this.emptyPasses++;
            pass.end();
          };
          const dispatchWorkgroups = (...grid: number[]) => {
            isEmpty = false;
            grid.forEach((extent) => refuse("maxComputeWorkgroupsPerDimension", extent));
            pass.dispatchWorkgroups(...grid as [number]);
          };
          return layer(pass, { dispatchWorkgroups, end });
        };
        return layer(encoder, { beginComputePass, resolveQuerySet, copyBufferToBuffer });
      },
      pushErrorScope: (filter) => {
        scopes.push({ filter: filter as string, error: null });
        device.pushErrorScope(filter as GPUErrorFilter);
      },
      popErrorScope: async () => {
        const scope = scopes.pop();
        return await device.popErrorScope() ?? scope?.error ?? null;
      },
    };
    const count = (owner: object) => (method: Method): Method => (...args) => {
      this.calls++;
      calls++;
      if (this.#faults.destroyAt?.includes(this.calls) || calls === lifetime) device.destroy();
      // Of a lost device, the queue does nothing.
      return isLost && owner === device.queue ? undefined : method(...args);
    };
    const queue = layer(device.queue, {}, count(device.queue));
    return layer(device, { ...methods, lost, queue, limits: layer(device.limits, limits) }, count(device));
  }
}

/** Puts another GPU in the place of the platform's. */
export async function withPlatform(gpu: unknown, use: () => Promise<void>): Promise<void> {
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  try {
    await use();
  } finally {
    Reflect.deleteProperty(navigator, "gpu");
  }
}

/** What a kernel's WGSL needs, by the names of limits; of workgroup memory only whether it needs any. */
export function needsOf(code: string): Record<string, number> {
  const count = (pattern: RegExp) => [...code.matchAll(pattern)].length;
  const invocations = Number(/@workgroup_size\((\d+)\)/.exec(code)![1]);
  return {
    maxStorageBuffersPerShaderStage: count(/var<storage\b/g),
    maxStorageTexturesPerShaderStage: count(/: texture_storage_2d</g),
    maxComputeInvocationsPerWorkgroup: invocations,
    maxComputeWorkgroupSizeX: invocations,
    maxComputeWorkgroupStorageSize: count(/var<workgroup>/g) && 1024,
  };
}

/** An object whose members are replaced in part; methods, its own and others, go through `wrap`. */
function layer<T extends object>(
  target: T,
  replaced: Readonly<Record<string, unknown>>,
  wrap: (method: Method) => Method = (method) => method,
): T {
  return new Proxy(target, {
    get(_, key) {
      const name = String(key);
      const value = Object.hasOwn(replaced, name) ? replaced[name] : Reflect.get(target, key, target);
      return typeof value === "function" ? wrap(value.bind(target)) : value;
    },
  });
}
