import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import type { Report } from "../../src/evaluation/report.ts";
import { readReport } from "../../src/evaluation/report_file.ts";
import { randomPng, writeRandomModel } from "../support/random_inputs.ts";
import { uniform } from "../support/random_weights.ts";
import { runTask } from "../support/run_task.ts";
import { encodePng } from "../support/write_png.ts";

const IMAGES = 21;

/**
 * Makes a temporary folder with a model of random weights, class folders of random images, and a copy with a broken
 * image.
 */
async function withInputs(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await writeRandomModel(`${folder}/w.safetensors`);
    for (let i = 0; i < IMAGES; i++) {
      const png = randomPng(i);
      for (const set of ["good", "bad"]) {
        const name = `${folder}/${set}/${i % 3}`;
        await Deno.mkdir(name, { recursive: true });
        await Deno.writeFile(`${name}/${i}.png`, set === "bad" && i === 4 ? png.subarray(0, 200) : png);
      }
    }
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Everything but what the clock and the device's name decide. */
function comparable({ seconds: _, imagesPerSecond: __, device: ___, ...rest }: Report): unknown {
  return rest;
}

Deno.test("`eval` reports the same predictions on both devices, and its shards merge into the report of the whole", async () => {
  await withInputs(async (folder) => {
    const evaluate = async (report: string, ...args: string[]) => {
      const path = `${folder}/${report}.json`;
      const base = ["--weights", `${folder}/w.safetensors`, "--data", `${folder}/good`, "--report", path];
      const outcome = await runTask("eval", ...base, ...args);
      assertEquals([outcome.code, outcome.stderr], [0, ""]);
      return { outcome, report: await readReport(path) };
    };
    const logitsFile = `${folder}/logits.safetensors`;
    const { outcome, report: cpu } = await evaluate("cpu", "--device", "cpu", "--batch", "8", "--logits", logitsFile);
    const { report: gpu } = await evaluate("gpu", "--device", "webgpu", "--batch", "8");
    await evaluate("1", "--device", "cpu", "--batch", "8", "--shard", "1/2");
    await evaluate("2", "--device", "cpu", "--batch", "8", "--shard", "2/2");

    assertEquals(cpu.images, IMAGES);
    assertEquals(cpu.predictions.map((p) => p.label), Array.from({ length: IMAGES }, (_, i) => Math.floor(i / 7)));
    assertEquals(gpu.predictions.map((p) => p.top5[0].class), cpu.predictions.map((p) => p.top5[0].class));
    assertEquals([gpu.top1, gpu.top5], [cpu.top1, cpu.top5]);
    assert(Math.abs(gpu.loss - cpu.loss) < 1e-4 * cpu.loss);
    for (const line of ["od_resnet20, kernel_num 2", "cpu: WASM ", "top-1", "top-5", "loss", "images/s"]) {
      assertStringIncludes(outcome.stdout, line);
    }

    const { tensors, close } = await openCheckpoint(logitsFile);
    const logits = new Float32Array((await tensors.get("logits")!.read()).slice().buffer);
    const labels = new BigInt64Array((await tensors.get("labels")!.read()).slice().buffer);
    close();
    assertEquals(tensors.get("logits")!.shape, [IMAGES, 10]);
    assertEquals([...labels].map(Number), cpu.predictions.map((p) => p.label));
    cpu.predictions.forEach(({ top5 }, i) => {
      assertEquals(logits[i * 10 + top5[0].class], top5[0].logit);
    });

    const merged = await runTask("merge", `${folder}/2.json`, `${folder}/1.json`, "--out", `${folder}/whole.json`);
    assertEquals([merged.code, merged.stderr], [0, ""]);
    assertEquals(comparable(await readReport(`${folder}/whole.json`)), comparable(cpu));
    const twice = await runTask("merge", `${folder}/1.json`, "--out", `${folder}/whole.json`);
    assertEquals(twice.code, 1);
    assertStringIncludes(twice.stderr, "error: of 2 shards 1 are missing: 2");
  });
});

Deno.test("`eval` stops at a broken image, naming it, and counts and lists it when told to skip", async () => {
  await withInputs(async (folder) => {
    const args = [
      "--weights",
      `${folder}/w.safetensors`,
      "--data",
      `${folder}/bad`,
      "--device",
      "cpu",
      "--workers",
      "1",
    ];
    const stopped = await runTask("eval", ...args, "--report", `${folder}/r.json`);
    assertEquals(stopped.code, 1);
    assertStringIncludes(stopped.stderr, `${folder}/bad/1/4.png: `);
    assertEquals(stopped.stderr.trim().split("\n").length, 1);
    assertEquals(stopped.stderr.trimEnd().endsWith("(--skip-bad leaves out broken images)"), true);
    const skipped = await runTask("eval", ...args, "--report", `${folder}/r.json`, "--skip-bad", "--limit", "14");
    assertEquals(skipped.code, 0);
    assertStringIncludes(skipped.stdout, "13, 1 skipped");
    const { images, skipped: files } = await readReport(`${folder}/r.json`);
    assertEquals([images, files], [13, ["1/4.png"]]);
  });
});

Deno.test("`eval` prints the figures so far when an image is broken, and keeps what is done", async () => {
  await withInputs(async (folder) => {
    const base = ["--weights", `${folder}/w.safetensors`, "--device", "cpu", "--workers", "1", "--batch", "5"];
    const bad = [...base, "--data", `${folder}/bad`], logits = `${folder}/l.safetensors`;
    const stopped = await runTask("eval", ...bad);
    assertEquals(stopped.code, 1);
    // The broken image is the 13th of them, in the third batch.
    const figures =
      /^stopped {2}after 10 images: top-1 [\d.]+ %, top-5 [\d.]+ %, loss [\d.]+ \(--report FILE keeps what is done\)$/m;
    assertMatch(stopped.stdout, figures);
    const kept = await runTask("eval", ...bad, "--logits", logits);
    assertStringIncludes(kept.stdout, `(kept in ${logits}.journal: the same command goes on from there)`);
    await Deno.copyFile(`${folder}/good/1/4.png`, `${folder}/bad/1/4.png`);
    const resumed = await runTask("eval", ...bad, "--logits", logits);
    assertStringIncludes(resumed.stdout, `resumed  10 images are done already, by ${logits}.journal`);
    const whole = `${folder}/whole.safetensors`;
    assertEquals((await runTask("eval", ...base, "--data", `${folder}/good`, "--logits", whole)).code, 0);
    assertEquals(await Deno.readFile(logits), await Deno.readFile(whole));

    await Deno.writeFile(`${folder}/bad/2/17.png`, new Uint8Array());
    const seen = await runTask("eval", ...bad);
    assertEquals([seen.code, seen.stdout], [1, ""]);
    assertStringIncludes(seen.stderr, `${folder}/bad/2/17.png: not an image that is read here: `);
  });
});

Deno.test("`eval` prepares images of any size for a model of small ones as `classify` does", async () => {
  await withInputs(async (folder) => {
    const image = `${folder}/large/0/large.png`;
    const data = Uint8Array.from(uniform("large", [70 * 50 * 3], 127, 128));
    await Deno.mkdir(`${folder}/large/0`, { recursive: true });
    await Deno.writeFile(image, encodePng({ width: 70, height: 50, data }));
    const model = ["--weights", `${folder}/w.safetensors`, "--device", "cpu"];
    const evaluation = await runTask("eval", ...model, "--data", `${folder}/large`, "--report", `${folder}/r.json`);
    assertEquals([evaluation.code, evaluation.stderr], [0, ""]);
    const classified = await runTask("classify", image, ...model, "--json");
    const { predictions: [{ top5 }] } = await readReport(`${folder}/r.json`);
    const [{ top }] = JSON.parse(classified.stdout) as { top: { class: number; logit: number }[] }[];
    assertEquals(top.map((guess) => [guess.class, guess.logit]), top5.map((score) => [score.class, score.logit]));
  });
});

Deno.test("`eval`, `merge` and `classify` exit 2 on wrong usage and 1 on wrong input, in one line", async () => {
  const cases: [string, string[], number, string][] = [
    ["eval", [], 2, "--weights is needed"],
    ["eval", ["--weights", "x", "--shard", "3/2"], 2, '--shard takes I/N, from 1/N to N/N, not "3/2"'],
    ["eval", ["--weights", "x", "--device", "gpu"], 2, "--device takes auto or webgpu or cpu"],
    ["eval", ["--weights", "/nowhere/x.safetensors"], 1, "/nowhere/x.safetensors: there is no such file"],
    ["eval", ["--weights", "x", "--report", "/nowhere/r.json"], 1, "cannot write /nowhere/r.json: there is no folder"],
    ["merge", ["/nowhere/r.json", "--out", "w.json"], 1, "/nowhere/r.json: no such file or folder"],
    ["merge", ["r.json"], 2, "--out is needed"],
    ["classify", [], 2, "name the images"],
    ["classify", ["a.png", "--weights", "x", "--top", "0"], 2, "--top takes a whole number of at least 1"],
  ];
  const outcomes = await Promise.all(cases.map(([tool, args]) => runTask(tool, ...args)));
  cases.forEach(([, , code, message], i) => {
    assertStringIncludes(outcomes[i].stderr, message);
    assertEquals(outcomes[i].code, code);
    assertEquals(outcomes[i].stderr.trim().split("\n").length, 1);
  });
});
