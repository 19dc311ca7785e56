/**
 * The buffers and textures that hold a plan's resources.
 *
 * @module
 */

import { BUFFER_USAGE, TEXTURE_USAGE } from "../connection/usage.ts";
import type { Resource } from "../plan/kernel.ts";
import { texelBytes, TEXTURE_WIDTH, textureRows, UNIFORM_STRIDE } from "../plan/layout.ts";
import type { Plan } from "../plan/plan.ts";
import { livesOf } from "../planner/lives.ts";
import { planMemory } from "../planner/memory_plan.ts";

/** All device memory of a plan. */
export class DeviceMemory {
  readonly #device: GPUDevice;
  readonly #placed = new Map<Resource, GPUBuffer | GPUTexture>();
  readonly #owned: (GPUBuffer | GPUTexture)[] = [];
  readonly #uniforms: GPUBuffer;
  readonly #views = new Map<GPUTexture, GPUTextureView>();

  /** Allocates all memory. Call it within error scopes. */
  constructor(device: GPUDevice, plan: Plan) {
    this.#device = device;
    const lives = livesOf(plan);
    for (const form of ["buffer", "texture"] as const) {
      const transient = [...lives].filter(([r]) => r.form === form && r.life === "transient");
      const { slotOf, slots } = planMemory(transient.map(([, life]) => life));
      const memory = slots.map((rows, i) => this.#allocate({ form, label: `activations ${i}` }, rows));
      transient.forEach(([resource], i) => this.#placed.set(resource, memory[slotOf[i]]));
    }
    for (const resource of plan.resources) {
      if (resource.life === "transient") continue;
      this.#placed.set(resource, this.#allocate(resource, textureRows(resource.texels)));
    }
    this.#uniforms = this.#uploadUniforms(plan);
  }

  /** The buffer of a resource. */
  buffer(resource: Resource): GPUBuffer {
    return this.#placed.get(resource) as GPUBuffer;
  }

  /** The texture of a resource. */
  texture(resource: Resource): GPUTexture {
    return this.#placed.get(resource) as GPUTexture;
  }

  /** The bind group entry of a resource. */
  binding(resource: Resource): GPUBindingResource {
    if (resource.form === "buffer") {
      return { buffer: this.buffer(resource), size: resource.texels * texelBytes(resource) };
    }
    const texture = this.texture(resource);
    let view = this.#views.get(texture);
    if (!view) this.#views.set(texture, view = texture.createView());
    return view;
  }

  /** The bind group entry of the uniform block of a step. */
  uniforms(step: number): GPUBindingResource {
    return { buffer: this.#uniforms, offset: step * UNIFORM_STRIDE, size: UNIFORM_STRIDE };
  }

  /** Writes data to a resource. Data for a texture must be whole rows. */
  write(resource: Resource, data: Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer>): void {
    const { queue } = this.#device;
    if (resource.form === "buffer") return queue.writeBuffer(this.buffer(resource), 0, data);
    const extent = [TEXTURE_WIDTH, textureRows(resource.texels)];
    const bytesPerRow = TEXTURE_WIDTH * texelBytes(resource);
    queue.writeTexture({ texture: this.texture(resource) }, data, { bytesPerRow }, extent);
  }

  /** Frees all memory. No submitted work may still use it. */
  destroy(): void {
    this.#owned.forEach((memory) => memory.destroy());
  }

  /** Allocates whole texture rows, because copies are whole rows too. */
  #allocate(
    { form, label, precision }: Pick<Resource, "form" | "label" | "precision">,
    rows: number,
  ): GPUBuffer | GPUTexture {
    const memory = form === "buffer"
      ? this.#device.createBuffer({
        label,
        size: rows * TEXTURE_WIDTH * texelBytes({ precision }),
        usage: BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_SRC | BUFFER_USAGE.COPY_DST,
      })
      : this.#device.createTexture({
        label,
        size: [TEXTURE_WIDTH, rows],
        format: precision === "float16" ? "rg32uint" : "rgba32float",
        usage: TEXTURE_USAGE.STORAGE_BINDING | TEXTURE_USAGE.COPY_DST,
      });
    this.#owned.push(memory);
    return memory;
  }

  #uploadUniforms({ steps }: Plan): GPUBuffer {
    const data = new Uint32Array(steps.length * UNIFORM_STRIDE / 4);
    steps.forEach((step, i) => {
      if (step.kind === "dispatch") data.set(step.dispatch.uniforms, i * UNIFORM_STRIDE / 4);
    });
    const buffer = this.#device.createBuffer({
      label: "uniforms",
      size: data.byteLength,
      usage: BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST,
    });
    this.#owned.push(buffer);
    this.#device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  }
}
