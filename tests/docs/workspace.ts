/** Makes a folder that looks like a reader's clone of the project, with the files that the docs mention. */

import { CIFAR10_NAMES } from "../../src/data/labels/cifar10_names.ts";
import { trainerFile } from "../checkpoint/trainers.ts";
import { uniform } from "../support/random_weights.ts";
import { encodePng } from "../support/write_png.ts";
import { ROOT } from "./blocks.ts";
import { networks } from "./networks.ts";

/** Parts of the project that are linked, not copied. */
const LINKED = ["bench", "deno.json", "docs", "examples", "mod.ts", "src", "tests", "tools", "web"];

/** Files that are copied from the project, by their names in the docs. */
const COPIED: Readonly<Record<string, string>> = {
  "weights/od_resnet20_cifar10.safetensors": "weights/od_resnet20_cifar10.safetensors",
  "weights/resnet20_cifar10.safetensors": "weights/resnet20_cifar10.safetensors",
  "weights/cifar10.txt": "weights/cifar10.txt",
  "runs/1/last.safetensors": "weights/od_resnet20_cifar10.safetensors",
  "photo.jpg": "tests/fixtures/images/rgb.jpg",
  "frog.png": "web/examples/frog.png",
  "ship.png": "web/examples/ship.png",
  "ILSVRC2012_img_val.tar": "tests/fixtures/ilsvrc_ustar.tar",
  "data/ILSVRC2012_validation_ground_truth.txt": "tests/fixtures/ilsvrc_devkit/ILSVRC2012_validation_ground_truth.txt",
};

/** Class folders of a few images each. */
const IMAGES: Readonly<Record<string, { classes: readonly string[]; side: number; each: number }>> = {
  "imagenet/train": { classes: ["n01440764", "n02123045"], side: 64, each: 2 },
  "imagenet/val": { classes: ["n01440764", "n02123045"], side: 64, each: 2 },
  "cifar10_small/train": { classes: CIFAR10_NAMES, side: 32, each: 1 },
  "cifar10_small/val": { classes: CIFAR10_NAMES, side: 32, each: 1 },
  "flowers/train": { classes: ["daisy", "rose"], side: 80, each: 2 },
  "flowers/val": { classes: ["daisy", "rose"], side: 80, each: 1 },
};

/** Makes the folder; the caller removes it. */
export async function makeWorkspace(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "odconv_docs_" });
  for (const name of LINKED) await Deno.symlink(ROOT + name, `${folder}/${name}`);
  for (const name of ["weights", "data", "runs/1", "go", "bin"]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
  }
  for (const [name, path] of Object.entries(COPIED)) await Deno.copyFile(ROOT + path, `${folder}/${name}`);
  for (const [path, { classes, side, each }] of Object.entries(IMAGES)) {
    for (const name of classes) {
      await Deno.mkdir(`${folder}/${path}/${name}`, { recursive: true });
      for (let i = 0; i < each; i++) {
        const data = Uint8Array.from(uniform(`${path} ${name} ${i}`, [side * side * 3], 127, 128));
        await Deno.writeFile(`${folder}/${path}/${name}/${i}.png`, encodePng({ width: side, height: side, data }));
      }
    }
  }
  for (const name of ["distillation.pth", "distiller.pth"]) {
    await Deno.writeFile(`${folder}/${name}`, await trainerFile(name));
  }
  // The project's files are replaced, never modified, so that links are enough.
  for (const [name, path] of Object.entries(await networks())) await Deno.link(path, `${folder}/${name}`);
  await writeStandIns(`${folder}/bin`);
  return folder;
}

/** Stand-ins for programs that not every machine has, as far as the docs use them. */
const CURL = `const [flag, file, address] = Deno.args;
if (flag !== "--data-binary" || !file.startsWith("@")) throw new Error(flag + " is not known");
const response = await fetch(address, { method: "POST", body: await Deno.readFile(file.slice(1)) });
console.log(await response.text());
Deno.exit(response.ok ? 0 : 1);`;

async function writeStandIns(bin: string): Promise<void> {
  await Deno.symlink(Deno.execPath(), `${bin}/deno`);
  await Deno.writeTextFile(`${bin}/curl.ts`, CURL);
  const curl = `#!/bin/sh\nexec '${bin}/deno' run --quiet --no-config --allow-read --allow-net '${bin}/curl.ts' "$@"\n`;
  await Deno.writeTextFile(`${bin}/curl`, curl, { mode: 0o755 });
}
