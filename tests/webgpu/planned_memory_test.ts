import { assert, assertEquals } from "@std/assert";
import { DeviceMemory } from "../../src/webgpu/run/memory.ts";
import { ANY_DEVICE, plannedMemory } from "../../src/webgpu/planner/planned_memory.ts";
import { planGraph } from "../../src/webgpu/planner/planner.ts";
import { createModel } from "../../src/models/model/model.ts";
import { smallGraph } from "../support/small_graph.ts";

/** A device that only adds up the bytes of the buffers that it is asked for. */
function countingDevice(): { device: GPUDevice; bytes: Record<string, number> } {
  const bytes: Record<string, number> = {};
  const device = {
    createBuffer({ label, size }: GPUBufferDescriptor) {
      bytes[label!] = (bytes[label!] ?? 0) + size;
      return {};
    },
    queue: { writeBuffer() {} },
  };
  return { device: device as unknown as GPUDevice, bytes };
}

Deno.test("plannedMemory() is what DeviceMemory allocates", () => {
  for (const graph of [smallGraph(), createModel({ arch: "od_resnet20", kernelNum: 2 }).graph({ batch: 3 })]) {
    const { device, bytes } = countingDevice();
    new DeviceMemory(device, planGraph(graph, ANY_DEVICE));
    const { uniforms, ...others } = bytes;
    assert(uniforms > 0);
    const { kept, activations, total } = plannedMemory(graph);
    const shared = Object.entries(others).filter(([label]) => label.startsWith("activations "));
    assertEquals(activations, shared.reduce((sum, [, n]) => sum + n, 0));
    assertEquals(total, Object.values(others).reduce((sum, n) => sum + n, 0));
    assertEquals(kept, total - activations);
  }
});
