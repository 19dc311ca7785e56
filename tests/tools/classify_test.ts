import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { CIFAR10_NAMES } from "../../src/data/labels/cifar10_names.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import { randomStateDict, uniform } from "../support/random_weights.ts";
import { runTask } from "../support/run_task.ts";
import { encodePng } from "../support/write_png.ts";

interface Answer {
  file: string;
  top: { class: number; name?: string; probability: number; logit: number }[];
}

async function writeModel(path: string, numClasses: number, classNames?: readonly string[]): Promise<void> {
  const model = createModel({ arch: "od_resnet20", numClasses }, { classNames });
  const metadata = encodeMetadata(model.config, { source: "random", sha256: "0".repeat(64) }, model.inference);
  await writeSafetensors(path, randomStateDict(model.stateDictSpec()), metadata);
}

Deno.test("`classify` answers the same classes on both devices, with names where the classes have them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeModel(`${folder}/named.safetensors`, 10, CIFAR10_NAMES);
    await writeModel(`${folder}/numbered.safetensors`, 7);
    const images = [[32, 32], [75, 40]].map(([width, height]) => {
      const data = Uint8Array.from(uniform(`${width}`, [width * height * 3], 127, 128));
      return { path: `${folder}/${width}.png`, png: encodePng({ width, height, data }) };
    });
    for (const { path, png } of images) await Deno.writeFile(path, png);
    const paths = images.map(({ path }) => path);

    const ask = async (weights: string, ...args: string[]) => {
      const outcome = await runTask("classify", ...paths, "--weights", `${folder}/${weights}.safetensors`, ...args);
      assertEquals([outcome.code, outcome.stderr], [0, ""]);
      return outcome.stdout;
    };
    const cpu: Answer[] = JSON.parse(await ask("named", "--device", "cpu", "--json", "--top", "10"));
    const gpu: Answer[] = JSON.parse(await ask("named", "--device", "webgpu", "--json", "--top", "10"));
    assertEquals(cpu.map((a) => a.file), paths);
    assertEquals(gpu.map((a) => a.top.map((t) => t.class)), cpu.map((a) => a.top.map((t) => t.class)));
    for (const { top } of cpu) {
      assertEquals(top.length, 10);
      assert(Math.abs(top.reduce((sum, t) => sum + t.probability, 0) - 1) < 1e-12);
      assertEquals(new Set(top.map((t) => t.name)).has("airplane"), true);
    }
    const half: Answer[] = JSON.parse(
      await ask("named", "--device", "webgpu", "--precision", "float16", "--json", "--top", "10"),
    );
    half.forEach(({ top }, image) =>
      top.forEach(({ class: number, logit }) => {
        const whole = gpu[image].top.find((t) => t.class === number)!.logit;
        // Rounding weights to 11 bits shows, and stays small.
        assert(
          logit !== whole &&
            Math.abs(logit - whole) <= 0.02 * Math.max(...gpu[image].top.map((t) => Math.abs(t.logit))),
        );
      })
    );
    const refused = await runTask("classify", ...paths, "--weights", "x", "--device", "cpu", "--precision", "float16");
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "--precision float16 is WebGPU's");
    const text = await ask("numbered", "--device", "cpu", "--top", "2");
    assertEquals(text.match(/% {2}class \d\n/g)?.length, 4);

    await Deno.writeTextFile(`${folder}/note.png`, "no image");
    const weights = ["--weights", `${folder}/named.safetensors`, "--device", "cpu"];
    const note = `${folder}/note.png`;
    const broken = await runTask("classify", paths[0], note, `${folder}/none.png`, paths[1], ...weights);
    assertEquals(broken.code, 1);
    assertStringIncludes(broken.stderr, `${note}: not an image`);
    assertStringIncludes(broken.stderr, `${folder}/none.png: no such file`);
    assertEquals(broken.stdout.split("\n").filter((line) => line.endsWith(".png")), paths);
    const json = await runTask("classify", note, paths[1], ...weights, "--json");
    assertEquals(json.code, 1);
    const [bad, good] = JSON.parse(json.stdout);
    assertEquals([bad.file, good.file, good.top.length], [note, paths[1], 5]);
    assertStringIncludes(bad.error, `${note}: not an image`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("`classify` answers nothing when the weights make no numbers, naming the image, on both devices", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const model = createModel({ arch: "resnet20" });
    const tensors = randomStateDict(model.stateDictSpec());
    const name = "layer1.0.conv1.weight", tensor = tensors.get(name)!;
    const read = async () => {
      const values = new Float32Array((await tensor.read()).slice().buffer);
      values[5] = NaN;
      return new Uint8Array(values.buffer);
    };
    tensors.set(name, { ...tensor, read });
    const metadata = encodeMetadata(model.config, { source: "random", sha256: "0".repeat(64) });
    await writeSafetensors(`${folder}/w.safetensors`, tensors, metadata);
    const data = Uint8Array.from(uniform("image", [3072], 127, 128));
    await Deno.writeFile(`${folder}/x.png`, encodePng({ width: 32, height: 32, data }));
    for (const device of ["cpu", "webgpu"]) {
      const args = ["--weights", `${folder}/w.safetensors`, "--device", device];
      const { code, stdout, stderr } = await runTask("classify", `${folder}/x.png`, ...args);
      assertEquals([code, stdout], [1, ""]);
      assertStringIncludes(stderr, "x.png: the model answers logits that are not finite; are its weights damaged?");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
