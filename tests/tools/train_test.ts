import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { readLines } from "../support/read_lines.ts";
import { withSmallDisk } from "../support/small_disk.ts";
import { uniform } from "../support/random_weights.ts";
import { encodePng } from "../support/write_png.ts";

const TOOL = fileURLToPath(new URL("../../tools/train.ts", import.meta.url));

/** Starts the tool with the permissions of its task, as a process that can receive signals. */
function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-write", TOOL, ...args],
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await start(...args).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** A temporary folder with images of three colours in data/train and data/val. */
async function withData(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [set, count] of [["train", 10], ["val", 4]] as const) {
      for (let i = 0; i < count; i++) {
        const noise = uniform(`${set} ${i}`, [10, 10, 3], 60, 100);
        const data = Uint8Array.from(noise, (v, at) => v + (at % 3 === i % 3 ? 80 : 0));
        await Deno.mkdir(`${folder}/data/${set}/${"abc"[i % 3]}`, { recursive: true });
        const file = `${folder}/data/${set}/${"abc"[i % 3]}/${i}.png`;
        await Deno.writeFile(file, encodePng({ width: 10, height: 10, data }));
      }
    }
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const SMALL = [
  "--arch",
  "resnet20",
  "--size",
  "8",
  "--batch",
  "4",
  "--device",
  "cpu",
  "--workers",
  "1",
  "--lr",
  "0.02",
];

/** What the run is not. */
const OTHER = ["--lr", "0.3", "--kernel-num", "2", "--no-shuffle", "--freeze", "conv1"];

Deno.test("`train` stopped by Ctrl-C saves, and resumed writes the files of a run that was not stopped", async () => {
  await withData(async (folder) => {
    const base = [...SMALL, "--data", `${folder}/data`, "--epochs", "3", "--temp-epoch", "2"];
    const whole = await run(...base, "--out", `${folder}/whole`);
    assertEquals([whole.code, whole.stderr], [0, ""]);
    assertMatch(whole.stdout, /^memory {3}cpu: [\d.]+ MB a step/m);
    assertMatch(whole.stdout, /^epoch 0\/3 {2}train: loss [\d.]+, top-1 [\d.]+, top-5 100\.00 {2}val: loss /m);
    assertStringIncludes(whole.stdout, `${folder}/whole/best.safetensors`);

    const stopped = start(...base, "--out", `${folder}/parts`);
    // Its first epoch is over: the second has begun.
    const lines = readLines(stopped.stdout);
    for await (const line of lines) {
      if (line.startsWith("epoch 0/3")) stopped.kill("SIGINT");
      if (line.startsWith("stopped")) {
        assertEquals(line, `stopped and saved; go on with: deno task train --resume ${folder}/parts`);
      }
    }
    const complaint = await new Response(stopped.stderr).text();
    assertStringIncludes(complaint, "finishing the step, then saving");
    assertEquals((await stopped.status).code, 0);
    const resumed = await run("--resume", `${folder}/parts`, "--device", "cpu");
    assertEquals([resumed.code, resumed.stderr], [0, ""]);
    for (const name of ["last", "best", "last.state"]) {
      const [left, right] = ["whole", "parts"].map((run) => Deno.readFileSync(`${folder}/${run}/${name}.safetensors`));
      assertEquals(left, right, name);
    }

    const mismatch = await run("--resume", `${folder}/parts`, ...OTHER);
    assertEquals(mismatch.code, 2);
    assertStringIncludes(
      mismatch.stderr,
      "--kernel-num is 1 there, 2 was asked for; --lr is 0.02 there, 0.3 was asked for; " +
        "--freeze is nothing there, conv1 was asked for; --no-shuffle was not given there. Leave out",
    );
    const again = await run(...base, "--out", `${folder}/whole`);
    assertEquals(again.code, 1);
    assertStringIncludes(again.stderr, `${folder}/whole holds a run already`);

    const tuned = await run(
      "--finetune",
      `${folder}/whole/best.safetensors`,
      ...base.slice(2),
      "--out",
      `${folder}/tuned`,
      "--epochs",
      "1",
      "--micro-batch",
      "2",
    );
    assertEquals([tuned.code, tuned.stderr], [0, ""]);
  });
});

Deno.test("`train` stops where the loss is not finite, naming step and tensor", async () => {
  await withData(async (folder) => {
    const bad = await run(...SMALL.slice(0, -2), "--lr", "1e30", "--data", `${folder}/data`, "--out", `${folder}/bad`);
    assertEquals(bad.code, 1);
    assertMatch(
      bad.stderr,
      /^error: step \d has a loss of \S+; the first tensor that is not finite is the /,
    );
    assertEquals(bad.stderr.trim().split("\n").length, 1);
  });
});

Deno.test("`train` names a broken image by its path, has saved before, and goes on without it if it is told to", async () => {
  await withData(async (folder) => {
    const cut = `${folder}/data/val/a/3.png`, cutToo = `${folder}/data/train/b/4.png`;
    for (const path of [cut, cutToo]) await Deno.writeFile(path, (await Deno.readFile(path)).subarray(0, 60));
    const base = [...SMALL, "--data", `${folder}/data`, "--epochs", "2", "--no-shuffle"];
    const first = await run(...base, "--out", `${folder}/run`);
    assertEquals(first.code, 1);
    assertStringIncludes(first.stdout, `checked  ${folder}/data/train: 10 files can be opened and begin as images do`);
    // In order, the images are a/0, a/3, a/6, a/9, b/1, b/4: the second step lacks one.
    assertMatch(
      first.stderr,
      new RegExp(`^error: ${cutToo}: .*what is done is saved: mend the file and go on with --resume`),
    );
    const second = await run("--resume", `${folder}/run`, "--device", "cpu", "--workers", "1", "--skip-bad");
    assertEquals(second.code, 0, second.stderr);
    assertEquals(second.stderr.trim().split("\n").map((line) => line.split(": ").slice(0, 2)), [
      ["skipped", cutToo],
      ["skipped", cut],
    ]);
    assertMatch(second.stdout, /^epoch 1\/2 .* broken images: 1 replaced in training, 1 left out of validation$/m);
    const whole = await run(...base, "--out", `${folder}/whole`, "--skip-bad");
    assertEquals(whole.code, 0, whole.stderr);
    for (const name of ["last", "best", "last.state"]) {
      const [left, right] = ["whole", "run"].map((run) => Deno.readFileSync(`${folder}/${run}/${name}.safetensors`));
      assertEquals(left, right, name);
    }

    await Deno.writeFile(cut, new Uint8Array());
    const seen = await run(...base, "--out", `${folder}/none`);
    assertEquals(seen.code, 1);
    assertStringIncludes(
      seen.stderr,
      `${folder}/data/val: a file is no image: ${cut}: not an image that is read here: `,
    );
    assertEquals(await Deno.stat(`${folder}/none`).then(() => true, () => false), false);
  });
});

Deno.test("`train` says that the disk is full in one line", async () => {
  await withData((folder) =>
    withSmallDisk(`${folder}/disk`, 2048, async (prefix, isFull) => {
      const args = [...SMALL, "--data", `${folder}/data`, "--epochs", "1", "--out", `${folder}/disk/run`];
      const [program, ...rest] = [...prefix, Deno.execPath(), "run", "--allow-read", "--allow-write", TOOL, ...args];
      const { code, stderr } = await new Deno.Command(program, { args: rest, env: { NO_COLOR: "1" } }).output();
      const message = new TextDecoder().decode(stderr);
      assertEquals(code, 1);
      assertMatch(message, /^error: \S+\.safetensors: cannot be written, and was left as it is: [^\n]+\n$/);
      if (isFull) assertStringIncludes(message, "the disk is full; free some space, or write elsewhere");
      const left = [...Deno.readDirSync(`${folder}/disk/run`)].map(({ name }) => name).sort();
      assertEquals(left.filter((name) => name.endsWith(".part")), []);
    })
  );
});

Deno.test("`train --dry-run` prints the memory of a step without a device", async () => {
  const { code, stdout } = await run("--arch", "od_resnet20", "--kernel-num", "4", "--batch", "128", "--dry-run");
  assertEquals(code, 0);
  const [gpu, cpu] = ["webgpu", "cpu"].map((device) => {
    const [, total] = stdout.match(new RegExp(`^memory {3}${device}: ([\\d.]+) MB a step`, "m"))!;
    return Number(total);
  });
  // 128 images' activations of 19 convolutions and their batch norms: 4 bytes of about 0.4 million numbers each.
  assert(cpu > 150 && cpu < 400, `${cpu}`);
  assert(gpu > 150 && gpu < 2000, `${gpu}`);
});

Deno.test("`train` exits 2 on wrong usage and 1 on wrong input, in one line", async () => {
  const cases: [string[], number, string][] = [
    [[], 2, "--arch, --finetune or --resume is needed"],
    [["--arch", "od_resnet20"], 2, "--data is needed"],
    [["--arch", "od_resnet20", "--data", "x"], 2, "--out is needed"],
    [["--arch", "od_resnet20", "--dry-run", "--lr", "nan"], 2, '--lr takes a finite number from 0 up, not "nan"'],
    [
      ["--arch", "od_resnet20", "--dry-run", "--wd", "Infinity"],
      2,
      '--wd takes a finite number from 0 up, not "Infinity"',
    ],
    [
      ["--arch", "od_resnet20", "--dry-run", "--ema=-0.1"],
      2,
      '--ema takes a finite number from 0 to below 1, not "-0.1"',
    ],
    [
      ["--arch", "od_resnet20", "--dry-run", "--seed", "16777216"],
      2,
      "--seed takes a whole number from 0 to below 16777216",
    ],
    [["--arch", "od_resnet20", "--dry-run", "--lr", "fast"], 2, '--lr takes a finite number from 0 up, not "fast"'],
    [
      ["--arch", "od_resnet20", "--dry-run", "--momentum", "1"],
      2,
      '--momentum takes a finite number from 0 to below 1, not "1"',
    ],
    [["--arch", "od_resnet20", "--dry-run", "--schedule", "30", "6x"], 2, '--schedule takes epochs such as "30,60,90"'],
    [["--arch", "od_resnet20", "--dry-run", "--micro-batch", "7"], 2, "--micro-batch 7 does not divide --batch 256"],
    [
      ["--arch", "od_resnet20", "--dry-run", "--batch", "1", "--size", "1"],
      1,
      "expected more than 1 value per channel",
    ],
    [["--arch", "od_resnet20", "--dry-run", "--freeze", "conv1,head"], 1, '"head" freezes nothing: od_resnet20 has'],
    [["--arch", "nothing", "--dry-run"], 1, 'no architecture is called "nothing"'],
    [["--resume", "/nowhere"], 1, "/nowhere/last.state.safetensors: there is no such file"],
    [["--arch", "od_resnet20", "--data", "/nowhere", "--out", "x"], 1, "/nowhere/train"],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => run(...args)));
  cases.forEach(([args, code, message], i) => {
    assertStringIncludes(outcomes[i].stderr, message);
    assertEquals(outcomes[i].code, code, args.join(" "));
    assertEquals(outcomes[i].stderr.trim().split("\n").length, 1);
  });
});
