import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { isOdconvError, TrainingError } from "../../src/errors.ts";
import { loadModel } from "../../src/models/load.ts";
import type { EpochMetrics, StepMetrics } from "../../src/training/metrics.ts";
import { DEVICE_NAMES, openTestDevice } from "../support/devices.ts";
import { inFolder, RECIPE, smallRun } from "./small_run.ts";

type Line = Partial<StepMetrics> & EpochMetrics & Pick<StepMetrics, "loss">;

async function metricsOf(folder: string): Promise<Line[]> {
  const text = await Deno.readTextFile(`${folder}/metrics.jsonl`);
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

/** Returns the content of a file, except for its metadata. */
async function tensorsOf(path: string): Promise<Record<string, string>> {
  const { tensors, close } = await openCheckpoint(path);
  const entries = [...tensors].map(async ([name, { read }]) => [name, (await read()).toBase64()]);
  const all = Object.fromEntries(await Promise.all(entries));
  close();
  return all;
}

Deno.test("runTraining() writes metrics, curves and checkpoints that load", async () => {
  await inFolder(async (folder) => {
    const progress: string[] = [];
    const outcome = await smallRun(folder, {
      onStep: ({ epoch }, step, of) => progress.push(`${epoch} ${step}/${of}`),
    });
    assert(outcome.finished);
    assertEquals(progress, ["0 1/3", "0 2/3", "0 3/3", "1 1/3", "1 2/3", "1 3/3"]);

    const lines = await metricsOf(folder);
    const steps = lines.filter(({ step }) => step !== undefined);
    assertEquals(steps.map(({ step, epoch }) => [step, epoch]), [[0, 0], [1, 0], [2, 0], [3, 1], [4, 1], [5, 1]]);
    assertEquals(Object.keys(steps[0]), ["step", "epoch", "loss", "lr", "temperature"]);
    // 1 + (30 - 1) * (3 - done) / 3, where done counts the step itself.
    assertEquals(steps.map(({ temperature }) => temperature.toFixed(3)), [
      "20.333",
      "10.667",
      "1.000",
      "1.000",
      "1.000",
      "1.000",
    ]);
    const epochs = lines.filter(({ step }) => step === undefined);
    assertEquals(epochs.map(({ epoch, temperature }) => [epoch, temperature]), [[0, 1], [1, 1]]);
    const mean = (4 * steps[0].loss + 4 * steps[1].loss + 3 * steps[2].loss) / 11;
    assert(Math.abs(epochs[0].trainLoss - mean) < 1e-9);
    assertEquals(outcome.best, Math.max(...epochs.map(({ valTop1 }) => valTop1)));

    const model = await loadModel(`${folder}/last.safetensors`);
    assertEquals([model.config.arch, model.config.numClasses], ["resnet20", 3]);
    const { tensors, metadata, close } = await openCheckpoint(`${folder}/last.state.safetensors`);
    assertEquals(tensors.get("fc.weight/momentum_buffer")?.shape, [3, 64]);
    assertEquals([metadata.epoch, metadata.step], ["2", "6"]);
    assertEquals(new BigInt64Array((await tensors.get("bn1.num_batches_tracked")!.read()).slice().buffer)[0], 6n);
    close();
    assertStringIncludes(await Deno.readTextFile(`${folder}/curve.svg`), "resnet20");
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names, [
      "best.safetensors",
      "best.state.safetensors",
      "curve.svg",
      "last.safetensors",
      "last.state.safetensors",
      "metrics.jsonl",
    ]);
  });
});

for (const name of DEVICE_NAMES) {
  Deno.test(`runTraining() stopped within an epoch on ${name} and resumed ends with the weights of a run that was not`, async () => {
    const device = await openTestDevice(name);
    await inFolder(async (whole) =>
      await inFolder(async (parts) => {
        const recipe = { ...RECIPE, dropout: 0.2, ema: 0.9, labelSmoothing: 0.1 };
        await smallRun(whole, { device, recipe });
        const stop = new AbortController();
        const onStep = ({ step }: StepMetrics) => step === 3 && stop.abort();
        assertEquals((await smallRun(parts, { device, recipe, signal: stop.signal, onStep })).finished, false);
        assertEquals((await metricsOf(parts)).length, 5);
        // A line of a step after the checkpoint, as a killed run leaves one.
        await Deno.writeTextFile(
          `${parts}/metrics.jsonl`,
          '{"step":4,"epoch":1,"loss":9,"lr":1,"temperature":1}\n{"st',
          { append: true },
        );
        assert((await smallRun(parts, { device, resume: true })).finished);
        for (const name of ["last", "last.state", "best"]) {
          assertEquals(
            await tensorsOf(`${parts}/${name}.safetensors`),
            await tensorsOf(`${whole}/${name}.safetensors`),
          );
        }
        const timeless = (lines: Line[]) => lines.map(({ seconds: _, ...line }) => line);
        assertEquals(timeless(await metricsOf(parts)), timeless(await metricsOf(whole)));
      })
    );
  });
}

Deno.test("runTraining() resumed writes the weights that belong to its state when it was killed between the two files", async () => {
  await inFolder(async (folder) => {
    await smallRun(folder, { recipe: { ...RECIPE, epochs: 1 } });
    const weights = await Deno.readFile(`${folder}/last.safetensors`);
    for (const left of [undefined, new Uint8Array(9)]) {
      if (left) await Deno.writeFile(`${folder}/last.safetensors`, left);
      else await Deno.remove(`${folder}/last.safetensors`);
      assert((await smallRun(folder, { resume: true })).finished);
      assertEquals(await Deno.readFile(`${folder}/last.safetensors`), weights);
    }
  });
});

Deno.test("runTraining() writes its state every ten minutes: a program that is killed loses no more", async () => {
  await inFolder(async (whole) =>
    await inFolder(async (folder) => {
      await smallRun(whole);
      const { now } = performance;
      let later = 0;
      performance.now = () => now.call(performance) + later;
      const onStep = ({ step }: StepMetrics) => {
        if (step === 0) later = 11 * 60_000;
        if (step === 1) throw new Error("killed");
      };
      try {
        await assertRejects(() => smallRun(folder, { onStep }), Error, "killed");
      } finally {
        performance.now = now;
      }
      const steps: number[] = [];
      await smallRun(folder, { resume: true, onStep: ({ step }) => steps.push(step) });
      assertEquals(steps, [1, 2, 3, 4, 5]);
      for (const name of ["last", "last.state", "best", "best.state"]) {
        assertEquals(
          await Deno.readFile(`${folder}/${name}.safetensors`),
          await Deno.readFile(`${whole}/${name}.safetensors`),
        );
      }
    })
  );
});

Deno.test("runTraining() says that the disk is full, leaves its files whole, and goes on from them", async () => {
  const { write } = Deno.FsFile.prototype;
  await inFolder(async (whole) =>
    await inFolder(async (folder) => {
      await smallRun(whole);
      // The writes of a run: metrics, curve and checkpoints, of which every tensor is one.
      for (const fails of [1, 20, 500]) {
        let writes = 0;
        Deno.FsFile.prototype.write = function (bytes) {
          if (++writes < fails) return write.call(this, bytes);
          return Promise.reject(Object.assign(new Error("no space left"), { code: "ENOSPC" }));
        };
        const resume = await Deno.stat(`${folder}/last.state.safetensors`).then(() => true, () => false);
        const error = await assertRejects(() => smallRun(folder, { resume }), Error);
        assert(isOdconvError(error) && error.message.includes("the disk is full"), `${fails}: ${error}`);
        Deno.FsFile.prototype.write = write;
        for await (const { name } of Deno.readDir(folder)) {
          assert(!name.endsWith(".part"), name);
          if (name.endsWith(".safetensors")) await tensorsOf(`${folder}/${name}`);
        }
      }
      assert((await smallRun(folder, { resume: true })).finished);
      for (const name of ["last", "last.state", "best", "best.state"]) {
        assertEquals(
          await Deno.readFile(`${folder}/${name}.safetensors`),
          await Deno.readFile(`${whole}/${name}.safetensors`),
        );
      }
    })
  ).finally(() => Deno.FsFile.prototype.write = write);
});

Deno.test("runTraining() stops where the loss is not finite, says where, and keeps the last checkpoint", async () => {
  await inFolder(async (folder) => {
    await smallRun(folder, { recipe: { ...RECIPE, epochs: 1 } });
    const before = await tensorsOf(`${folder}/last.state.safetensors`);
    const bad = { ...RECIPE, lrDecay: "none" as const, lr: 1e25, momentum: 0 };
    const error = await assertRejects(() => smallRun(folder, { resume: true, recipe: bad }), TrainingError);
    assert(
      /^step [45] has a loss of \S+; the first tensor that is not finite is the \w+/.test(error.message),
      error.message,
    );
    assertStringIncludes(error.message, `${folder}/last.safetensors is as it was`);
    assertEquals(await tensorsOf(`${folder}/last.state.safetensors`), before);
  });
});
