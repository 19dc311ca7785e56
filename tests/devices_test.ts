import { assertEquals, assertMatch } from "@std/assert";
import { fasterDevice, openDevice } from "../src/devices.ts";

Deno.test("fasterDevice() is WebGPU on a GPU and on software that reads textures, else the CPU", () => {
  const answer = (profile: "software" | "hardware", operands: "texture" | "buffer") =>
    fasterDevice({ profile, operands }).device;
  assertEquals(answer("hardware", "buffer"), "webgpu");
  assertEquals(answer("hardware", "texture"), "webgpu");
  assertEquals(answer("software", "texture"), "webgpu");
  assertEquals(answer("software", "buffer"), "cpu");
  assertEquals(fasterDevice(undefined).device, "cpu");
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
