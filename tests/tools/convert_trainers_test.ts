import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { sha256, TRAINER_FILES, trainerFile } from "../checkpoint/trainers.ts";
import { withFolder } from "../support/folders.ts";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool in a folder. */
async function run(tool: string, folder: string, ...args: string[]): Promise<Outcome> {
  const path = fileURLToPath(new URL(`../../tools/${tool}.ts`, import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-sys",
      path,
      ...args,
    ],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

for (const { file, ask = {}, sha256: expected } of TRAINER_FILES) {
  Deno.test(`\`convert\` writes PyTorch's tensors of ${file}`, () =>
    withFolder(async (folder) => {
      await Deno.writeFile(`${folder}/${file}`, await trainerFile(file));
      const flags = Object.entries(ask).flatMap(([flag, value]) => [`--${flag}`, value]);
      const { code, stderr } = await run("convert", folder, file, ...flags, "--out", "out.safetensors");
      assertEquals(code, 0, stderr);
      const { tensors, close } = await openCheckpoint(`${folder}/out.safetensors`);
      assertEquals(await sha256(tensors), expected);
      close();
    }));
}

Deno.test("`convert` and what loads a checkpoint as it is print the same lines, and refuse the same", () =>
  withFolder(async (folder) => {
    for (const file of ["lightning.ckpt", "distillation.pth", "backbone.pth"]) {
      await Deno.writeFile(`${folder}/${file}`, await trainerFile(file));
    }
    const note =
      "note: lightning.ckpt: left out 3 entries that are no part of the network: criterion.weight, val_acc.* (2)\n";
    const converted = await run("convert", folder, "lightning.ckpt", "--out", "x.safetensors");
    assertEquals(converted.stderr, note);
    assertStringIncludes(converted.stdout, "(torch zip, 116 tensors in state_dict under model.*)");
    const inspected = await run("inspect", folder, "lightning.ckpt", "--json");
    assertEquals([inspected.stderr, JSON.parse(inspected.stdout).numClasses], [note, 5]);
    const exported = await run("export", folder, "lightning.ckpt", "--out", "x.pth");
    assertEquals([exported.code, exported.stderr], [0, note]);

    const several =
      "error: distillation.pth: it holds 2 networks, and nothing says which one is meant. These options of " +
      "convert do, as do loadModel's key and prefix:\n  --key student: a resnet20\n  --key teacher: a resnet20\n";
    for (const [tool, ...args] of [["convert"], ["inspect"], ["export", "--out", "y.pth"]]) {
      const { code, stdout, stderr } = await run(tool, folder, "distillation.pth", ...args);
      assertEquals({ code, stdout, stderr }, { code: 1, stdout: "", stderr: several });
    }
    const { code, stderr } = await run("convert", folder, "backbone.pth", "--num-classes", "5");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "backbone.pth: it holds a resnet20 without its classifier");
    assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "weights"), false);
  }));
