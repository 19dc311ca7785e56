import { assertEquals, assertMatch } from "@std/assert";
import { fasterDevice, openDevice } from "../src/devices.ts";

Deno.test("fasterDevice() is WebGPU on a GPU, and for training on software that reads textures, else the CPU", () => {
  const answers = (profile: "software" | "hardware", operands: "texture" | "buffer") =>
    [undefined, "training" as const].map((work) => fasterDevice({ profile, operands }, work).device);
  assertEquals(answers("hardware", "buffer"), ["webgpu", "webgpu"]);
  assertEquals(answers("hardware", "texture"), ["webgpu", "webgpu"]);
  assertEquals(answers("software", "texture"), ["cpu", "webgpu"]);
  assertEquals(answers("software", "buffer"), ["cpu", "cpu"]);
  assertEquals([undefined, "training" as const].map((work) => fasterDevice(undefined, work).device), ["cpu", "cpu"]);
});

Deno.test(`openDevice("auto") takes a software adapter where it is asked for what only WebGPU has`, async () => {
  for (const options of [{ preferWebGpu: true }, { precision: "float16" }, { work: "training" }] as const) {
    const backend = await openDevice("auto", options);
    assertEquals(backend.name, "webgpu");
    backend.dispose();
  }
});

Deno.test(`openDevice("auto") says in one line which device it opened, and openDevice() of a name says nothing`, async () => {
  const lines: string[] = [];
  const notice = (line: string) => lines.push(line);
  for (const name of ["webgpu", "cpu"] as const) (await openDevice(name, { notice })).dispose();
  assertEquals(lines, []);
  const backend = await openDevice("auto", { notice });
  backend.dispose();
  assertEquals(lines.length, 1);
  assertMatch(lines[0], backend.name === "webgpu" ? /^running on WebGPU: / : /^running on the CPU: |no WebGPU adapter/);
});
