/** Tests evaluations on devices that are lost or too small. Their results equal those of a healthy device. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Report } from "../../src/evaluation/report.ts";
import { readReport } from "../../src/evaluation/report_file.ts";
import { command } from "../../tools/eval.ts";
import { randomPng, writeRandomModel } from "../support/random_inputs.ts";
import { runHere, type Said } from "../support/run_here.ts";
import { type Faults, FaultyGpu } from "../webgpu/faulty_gpu.ts";

const IMAGES = 30;
const BATCH = 4;

/** A folder with a model of random weights and class folders of random images. */
async function withInputs(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await writeRandomModel(`${folder}/w.safetensors`);
    for (let i = 0; i < IMAGES; i++) {
      await Deno.mkdir(`${folder}/images/${i % 3}`, { recursive: true });
      await Deno.writeFile(`${folder}/images/${i % 3}/${i}.png`, randomPng(i));
    }
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Outcome extends Said {
  readonly faulty: FaultyGpu;
  /** Without the times that it took. */
  readonly report: unknown;
  readonly logits: Uint8Array;
}

/** `eval` on a device with faults. */
async function evaluate(folder: string, faults: Faults, batch = BATCH): Promise<Outcome> {
  const faulty = new FaultyGpu(faults);
  const [report, logits] = [`${folder}/report.json`, `${folder}/logits.safetensors`];
  const said = await runHere(command, faulty, [
    ...["--weights", `${folder}/w.safetensors`, "--data", `${folder}/images`, "--device", "webgpu"],
    ...["--batch", `${batch}`, "--workers", "1", "--report", report, "--logits", logits],
  ]);
  assertEquals(said.code, 0, said.stderr.join("\n"));
  const { seconds: _, imagesPerSecond: __, ...rest }: Report = await readReport(report);
  return { ...said, faulty, report: rest, logits: await Deno.readFile(logits) };
}

Deno.test("`eval` writes bit for bit the same report and logits when the device is lost in the middle, once or twice", () =>
  withInputs(async (folder) => {
    const whole = await evaluate(folder, {});
    assertEquals(whole.stderr, []);
    const { calls } = whole.faulty;
    // While it compiles, and in the last third, in which the batches run.
    for (const shares of [[0.4], [0.7], [0.8], [0.9], [0.95], [0.75, 1.3]]) {
      const destroyAt = shares.map((share) => Math.floor(share * calls));
      const { faulty, stderr, report, logits } = await evaluate(folder, { destroyAt });
      assertEquals(faulty.devices, 1 + destroyAt.length, `lost at calls ${destroyAt} of ${calls}`);
      assertEquals(stderr.length, destroyAt.length);
      for (const line of stderr) assertStringIncludes(line, "it was opened again, and the work goes on");
      assertEquals({ report, logits }, { report: whole.report, logits: whole.logits });
    }
  }));

Deno.test("`eval` halves its batch, says so in one line and writes the same report when memory runs out", () =>
  withInputs(async (folder) => {
    const half = await evaluate(folder, {}, 8);
    const whole = await evaluate(folder, {}, 16);
    const memory = Math.round((half.faulty.peakBytes + whole.faulty.peakBytes) / 2);
    assert(half.faulty.peakBytes < memory && memory < whole.faulty.peakBytes);
    const { stderr, report, logits } = await evaluate(folder, { memory }, 16);
    assertEquals(stderr.length, 1);
    assertStringIncludes(stderr[0], "running 8 images at a time, as more do not fit: ");
    assertStringIncludes(stderr[0], "out of memory");
    assertEquals({ report, logits }, { report: whole.report, logits: whole.logits });
  }));

Deno.test("`eval` ends in one line when the device is lost for good, and keeps what is done", () =>
  withInputs(async (folder) => {
    const whole = await evaluate(folder, {});
    const faulty = new FaultyGpu({ destroyAt: [Math.floor(0.95 * whole.faulty.calls)], devices: 1 });
    const args = ["--weights", `${folder}/w.safetensors`, "--data", `${folder}/images`, "--device", "webgpu"];
    const rest = ["--batch", `${BATCH}`, "--workers", "1", "--report", `${folder}/r.json`];
    const { code, stderr } = await runHere(command, faulty, [...args, ...rest]);
    assertEquals([code, stderr.length], [1, 1], stderr.join("\n"));
    assertStringIncludes(stderr[0], "it could not be opened again");
    assert((await Deno.stat(`${folder}/r.json.journal`)).size > 0);
    const again = await runHere(command, new FaultyGpu(), [...args, ...rest]);
    assertEquals(again.code, 0, again.stderr.join("\n"));
    const { seconds: _, imagesPerSecond: __, ...report } = await readReport(`${folder}/r.json`);
    assertEquals(report, whole.report as typeof report);
  }));
