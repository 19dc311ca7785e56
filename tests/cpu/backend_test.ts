import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openCpu } from "../../src/cpu/backend.ts";
import { tf } from "../../src/cpu/tfjs.ts";
import { ShapeError } from "../../src/errors.ts";
import { smallGraph, smallGraphResult } from "../support/small_graph.ts";

Deno.test("openCpu() needs no permission at all", async () => {
  const backend = new URL("../../src/cpu/backend.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(
    `import { openCpu } from "${backend}"; console.log((await openCpu()).description);`,
  ));
  await input.close();
  const { stdout, stderr, success } = await child.output();
  assert(success, new TextDecoder().decode(stderr));
  assertStringIncludes(new TextDecoder().decode(stdout), "SIMD, 1 thread");
});

Deno.test("an executable on the CPU frees what a run makes, and dispose() what it holds", async () => {
  const backend = await openCpu();
  const before = tf.memory().numTensors;
  const executable = await backend.compile(smallGraph());
  const compiled = tf.memory().numTensors;
  for (let i = 0; i < 3; i++) await executable.run({ x: new Float32Array(2 * 3 * 5 * 5).fill(i) });
  assertEquals(tf.memory().numTensors, compiled);
  await assertRejects(() => executable.run({}), ShapeError);
  assertEquals(tf.memory().numTensors, compiled);
  executable.dispose();
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("run() on the CPU takes views into larger buffers", async () => {
  const executable = await (await openCpu()).compile(smallGraph());
  const buffer = new Float32Array(10 + 150).fill(7);
  buffer.fill(2, 10);
  assertEquals(await executable.run({ x: buffer.subarray(10) }), smallGraphResult(2));
  executable.dispose();
});

Deno.test("run() on the CPU takes an input's initial value where none is given", async () => {
  const executable = await (await openCpu()).compile(smallGraph());
  const x = new Float32Array(150).fill(2);
  assertEquals(await executable.run({ x }), smallGraphResult(2));
  assertEquals(await executable.run({ x, scale: new Float32Array(3).fill(10) }), smallGraphResult(2, 10));
  executable.dispose();
});

Deno.test("run() on the CPU throws ShapeError when an input is missing or of the wrong length", async () => {
  const executable = await (await openCpu()).compile(smallGraph());
  await assertRejects(() => executable.run({}), ShapeError, 'the run lacks the input "x" of shape [2, 3, 5, 5]');
  await assertRejects(
    () => executable.run({ x: new Float32Array(4) }),
    ShapeError,
    'the input "x" has 4 numbers, expected 150 numbers of shape [2, 3, 5, 5]',
  );
  executable.dispose();
});
