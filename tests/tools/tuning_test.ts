import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import { parseTuning } from "../../src/webgpu/tuning/tuning.ts";
import { randomStateDict } from "../support/random_weights.ts";
import { runTask } from "../support/run_task.ts";
import { encodePng } from "../support/write_png.ts";

Deno.test("`eval --tune` measures once for all processes, and `--profile` prints layers and writes a trace", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const model = createModel({ arch: "od_resnet20", numClasses: 2 });
    const metadata = encodeMetadata(model.config, { source: "random", sha256: "0".repeat(64) });
    await writeSafetensors(`${folder}/w.safetensors`, randomStateDict(model.stateDictSpec()), metadata);
    for (const name of ["0", "1"]) {
      await Deno.mkdir(`${folder}/data/${name}`, { recursive: true });
      const data = new Uint8Array(32 * 32 * 3).fill(Number(name) * 100);
      await Deno.writeFile(`${folder}/data/${name}/x.png`, encodePng({ width: 32, height: 32, data }));
    }
    const cache = `${folder}/tuning.json`;
    const run = (...args: string[]) =>
      runTask("eval", "--weights", `${folder}/w.safetensors`, "--data", `${folder}/data`, "--tuning", cache, ...args);

    const without = await run("--device", "webgpu");
    assertEquals(without.code, 1);
    assertStringIncludes(without.stderr, "there is no such file; --tune makes it");

    const first = await run("--device", "webgpu", "--tune");
    assertEquals(first.code, 0, first.stderr);
    assertMatch(first.stderr, /^tuning measured the kernels of \d+ shapes\n$/);
    const kept = await Deno.readTextFile(cache);
    assertEquals(parseTuning(kept).size, 1);

    const trace = `${folder}/trace.json`;
    const second = await run("--device", "webgpu", "--tune", "--trace", trace);
    assertEquals([second.code, second.stderr, await Deno.readTextFile(cache)], [0, "", kept]);
    for (const text of ["layer1.0.conv1", "% of ceiling", "pack_input", "GFLOP/s", `trace    ${trace}`]) {
      assertStringIncludes(second.stdout, text);
    }
    assert(JSON.parse(await Deno.readTextFile(trace)).traceEvents.length > 100);

    await Deno.writeTextFile(cache, kept.slice(0, -20));
    const damaged = await run("--device", "webgpu");
    assertEquals(damaged.code, 0);
    assertMatch(damaged.stderr, /^[^\n]*tuning\.json is ignored: it is not JSON[^\n]*\n$/);
    assertEquals((await run("--device", "cpu", "--profile")).code, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
