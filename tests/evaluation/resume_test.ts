import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { CIFAR10_NAMES } from "../../src/data/labels/cifar10_names.ts";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { IMAGENET_NAMES } from "../../src/data/labels/imagenet.ts";
import { DataError } from "../../src/errors.ts";
import { measure, type MeasureOptions } from "../../src/evaluation/measure.ts";
import type { Report } from "../../src/evaluation/report.ts";
import { readReport } from "../../src/evaluation/report_file.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import { Random } from "../fuzz/random.ts";
import { memoryDataset } from "../support/memory_dataset.ts";
import { randomStateDict, uniform } from "../support/random_weights.ts";
import { withSmallDisk } from "../support/small_disk.ts";
import { encodePng } from "../support/write_png.ts";
import { withFolder } from "../support/folders.ts";

const IMAGES = 23;

/** Images of random pixels. Some cannot be read: one in the middle, two in a row, and the last. */
function dataset(broken = [3, 9, 10, 22], names = "image"): Dataset {
  return memoryDataset(IMAGES, (index) => {
    if (broken.includes(index)) return Promise.reject(new DataError(`${index}.png is broken`));
    return Promise.resolve({
      width: 32,
      height: 32,
      data: Uint8Array.from(uniform(`${index}`, [3072], 127, 128)),
    });
  }, names);
}

/** Answers numbers that depend on the image and on its batch, so that batches that are cut otherwise are noticed. */
function device(): Backend & { images: number } {
  const backend = {
    name: "cpu" as const,
    description: "a test",
    images: 0,
    compile: () =>
      Promise.resolve({
        run({ x }: Record<string, Float32Array>) {
          const images = x.length / 3072;
          backend.images += images;
          const logits = new Float32Array(images * 10);
          for (let i = 0; i < logits.length; i++) logits[i] = x[Math.floor(i / 10) * 3072 + i % 10] + 1e-3 * x[0];
          return Promise.resolve({ logits });
        },
        dispose() {},
      }),
    dispose() {},
  };
  return backend;
}

const model = createModel({ arch: "resnet20" });

interface Run {
  report: unknown;
  logits: number[][];
  evaluated: number;
}

async function run(options: Partial<MeasureOptions>, data = dataset()): Promise<Run> {
  const backend = device();
  const logits: number[][] = [];
  const weights = { path: "w", sha256: "ab" };
  const { seconds: _, imagesPerSecond: __, ...report } = await measure(model, data, backend, {
    weights,
    batch: 3,
    onBroken() {},
    onLogits: (row, label) => logits.push([label, ...row]),
    ...options,
  });
  return { report, logits, evaluated: backend.images };
}

Deno.test("`measure()` answers the same when its journal was cut off at any byte or damaged there", () =>
  withFolder(async (folder) => {
    const journal = `${folder}/r.json.journal`;
    const whole = await run({});
    assertEquals(await run({ journal }), whole);
    const bytes = await Deno.readFile(journal);
    const random = new Random("journal");
    let least = Infinity;
    for (let cut = 0; cut < 60; cut++) {
      const length = cut === 0 ? 0 : cut === 1 ? bytes.length : random.below(bytes.length);
      const kept = bytes.slice(0, length);
      // What a power failure may leave: a block of zeros behind what had been written.
      const torn = cut % 3 === 2 ? Uint8Array.from([...kept, ...new Uint8Array(random.below(4096))]) : kept;
      // The line that says which evaluation it is has to be whole: without it a file is not taken for a journal.
      const first = bytes.indexOf(10);
      await Deno.writeFile(journal, length > first ? torn : kept);
      const { report, logits, evaluated } = await run({ journal });
      assertEquals({ report, logits }, { report: whole.report, logits: whole.logits }, `cut at ${length}`);
      least = Math.min(least, evaluated);
    }
    assertEquals(least, 0, "a journal of everything leaves nothing to do");
  }));

Deno.test("`measure()` refuses, and leaves as it is, a journal of something else", () =>
  withFolder(async (folder) => {
    const journal = `${folder}/r.json.journal`;
    await run({ journal, limit: 12 });
    const bytes = await Deno.readFile(journal);
    const others: [Partial<MeasureOptions>, string][] = [
      [{ limit: 12, batch: 4 }, "its batch is 3, now 4"],
      [{}, "its end is 12, now 23"],
      [{ limit: 12, weights: { path: "w", sha256: "cd" } }, 'its weights is "ab", now "cd"'],
      [{ limit: 12, onLogits: undefined }, "its logits is true, now false"],
      [{ limit: 12, shard: { index: 1, count: 1 }, batch: 2 }, "its batch is 3, now 2"],
    ];
    for (const [options, message] of others) {
      await assertRejects(() => run({ journal, ...options }), DataError, message);
      assertEquals(await Deno.readFile(journal), bytes);
    }
    await assertRejects(() => run({ journal, limit: 12 }, dataset([3], "other")), DataError, "has changed");
    for (const text of ["{}\n", "my novel\n", "my novel", "[]\n", '{"journal":'.padEnd(99)]) {
      await Deno.writeTextFile(journal, text);
      await assertRejects(() => run({ journal }), DataError);
      assertEquals(await Deno.readTextFile(journal), text);
    }
    await assertRejects(() => run({ journal: `${folder}/none/x` }), DataError, "cannot be written");
  }));

Deno.test("`measure()` refuses to go on with other labels, and leaves the journal as it is", () =>
  withFolder(async (folder) => {
    const journal = `${folder}/r.json.journal`;
    await run({ journal, limit: 12 });
    const bytes = await Deno.readFile(journal);
    const { item, ...rest } = dataset();
    const relabelled = { ...rest, item: (index: number) => ({ ...item(index), label: index === 4 ? 9 : index % 10 }) };
    const message = "image/4.png was of class 4, now 9";
    await assertRejects(() => run({ journal, limit: 12 }, relabelled), DataError, message);
    assertEquals(await Deno.readFile(journal), bytes);
  }));

Deno.test("`measure()` takes the place of another evaluation that has done nothing yet", () =>
  withFolder(async (folder) => {
    const journal = `${folder}/r.json.journal`;
    await run({ journal, limit: 12 });
    const bytes = await Deno.readFile(journal);
    await Deno.writeFile(journal, bytes.subarray(0, bytes.indexOf(10) + 1));
    const other = await run({ batch: 4 });
    assertEquals(await run({ batch: 4, journal }), other);
    // Its own header and batches are there: nothing is left to do.
    assertEquals(await run({ batch: 4, journal }), { ...other, evaluated: 0 });
  }));

Deno.test("`measure()` puts the published figures beside ImageNet's classes only", async () => {
  const network = createModel({ arch: "resnet18" });
  const backend: Backend = {
    ...device(),
    compile: () => Promise.resolve({ run: () => Promise.resolve({ logits: new Float32Array(1000) }), dispose() {} }),
  };
  const published = async (classes: readonly string[], used = network) => {
    const weights = { path: "w", sha256: "ab" };
    return (await measure(used, { ...dataset([]), classes }, backend, { weights, limit: 2, batch: 1 })).published;
  };
  assertEquals(await published(IMAGENET_NAMES), { top1: 70.25, top5: 89.38 });
  assertEquals(await published(CIFAR10_NAMES), undefined);
  assertEquals(await published(IMAGENET_NAMES, network.withInference({ resize: 224 })), undefined);
});

const TOOL = fileURLToPath(new URL("../../tools/eval.ts", import.meta.url));

/** The command line in a process of its own, which a signal can end; with other words before it. */
function spawn(args: readonly string[], prefix: readonly string[] = []): Deno.ChildProcess {
  const whole = [...prefix, Deno.execPath(), "run", "--quiet", "--allow-read", "--allow-write", TOOL, ...args];
  return new Deno.Command(whole[0], {
    args: whole.slice(1),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Weights, and 60 images of which some are broken. */
async function writeInputs(folder: string): Promise<void> {
  const network = createModel({ arch: "resnet20" });
  const metadata = encodeMetadata(network.config, { source: "random", sha256: "0".repeat(64) });
  await writeSafetensors(`${folder}/w.safetensors`, randomStateDict(network.stateDictSpec()), metadata);
  for (let i = 0; i < 60; i++) {
    const png = encodePng({ width: 32, height: 32, data: Uint8Array.from(uniform(`image ${i}`, [3072], 127, 128)) });
    await Deno.mkdir(`${folder}/data/${i % 3}`, { recursive: true });
    await Deno.writeFile(`${folder}/data/${i % 3}/${i}.png`, i % 17 === 5 ? png.subarray(0, 100) : png);
  }
}

Deno.test("`eval` says in one line that the disk is full, leaves the old report, and goes on when there is room", () =>
  withFolder(async (folder) => {
    await writeInputs(folder);
    const inputs = ["--weights", `${folder}/w.safetensors`, "--data", `${folder}/data`, "--skip-bad"];
    const how = ["--device", "cpu", "--workers", "1", "--batch", "4"];
    const run = async (report: string, prefix?: readonly string[]) => {
      const { code, stdout, stderr } = await spawn([...inputs, ...how, "--report", report], prefix).output();
      const lines = new TextDecoder().decode(stderr).trim().split("\n");
      return {
        code,
        stdout: new TextDecoder().decode(stdout),
        errors: lines.filter((line) => !/^skipped: /.test(line)),
      };
    };
    const report = `${folder}/disk/r.json`, kept = `${folder}/r.json`;
    await withSmallDisk(`${folder}/disk`, 12, async (prefix) => {
      await Deno.writeTextFile(report, "old");
      const { code, errors } = await run(report, prefix);
      assertEquals([code, errors.length], [1, 1], errors.join("\n"));
      assertStringIncludes(errors[0], "cannot be written");
      assertEquals(await Deno.readTextFile(report), "old");
      await Deno.copyFile(`${report}.journal`, `${kept}.journal`);
    });
    const { code, stdout, errors } = await run(kept);
    assertEquals(code, 0, errors.join("\n"));
    assert(/^resumed {2}\d+ images are done already/m.test(stdout), stdout);
    await run(`${folder}/whole.json`);
    const comparable = ({ seconds: _, imagesPerSecond: __, ...rest }: Report) => rest;
    assertEquals(comparable(await readReport(kept)), comparable(await readReport(`${folder}/whole.json`)));
  }));

Deno.test("`eval` writes the same report when it is killed again and again", () =>
  withFolder(async (folder) => {
    await writeInputs(folder);
    const inputs = ["--weights", `${folder}/w.safetensors`, "--data", `${folder}/data`, "--skip-bad"];
    const how = ["--device", "cpu", "--workers", "1", "--batch", "2"];
    const args = (report: string) => [...inputs, ...how, "--report", `${folder}/${report}.json`];
    const whole = await spawn(args("whole")).output();
    assertEquals(whole.code, 0, new TextDecoder().decode(whole.stderr));

    const random = new Random("kill");
    const journal = `${folder}/killed.json.journal`;
    const size = () => Deno.stat(journal).then((stat) => stat.size, () => 0);
    let kills = 0;
    for (let attempt = 0; attempt < 6; attempt++) {
      const child = spawn(args("killed"));
      const output = child.output();
      // Some while it starts, some as soon as it has gone on by some bytes.
      const goal = attempt === 0 ? -1 : await size() + random.below(1500);
      const until = performance.now() + (attempt === 0 ? random.below(700) : 30_000);
      let ended = false;
      output.then(() => ended = true);
      while (!ended && performance.now() < until && (goal < 0 || await size() <= goal)) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      if (!ended) child.kill("SIGKILL");
      if ((await output).signal === "SIGKILL") kills++;
    }
    assert(kills >= 4, `${kills} kills`);
    const last = await spawn(args("killed")).output();
    assertEquals(last.code, 0, new TextDecoder().decode(last.stderr));
    assertStringIncludes(new TextDecoder().decode(last.stdout), "images are done already");
    const comparable = ({ seconds: _, imagesPerSecond: __, ...rest }: Report) => rest;
    const [expected, found] = await Promise.all(
      ["whole", "killed"].map((name) => readReport(`${folder}/${name}.json`)),
    );
    assertEquals(comparable(found), comparable(expected));
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(left, ["data", "killed.json", "w.safetensors", "whole.json"]);
  }));
