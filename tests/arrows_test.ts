import { assertEquals } from "@std/assert";

const SRC = new URL("../src/", import.meta.url);

/** What each folder of src/ may import of the others, beside the files that lie in src/ itself. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  checkpoint: [],
  data: [],
  graph: [],
  cpu: ["graph/"],
  webgpu: ["graph/"],
  nn: ["graph/", "checkpoint/"],
  models: ["nn/", "graph/", "checkpoint/", "data/"],
  plots: [],
  evaluation: ["models/", "graph/", "checkpoint/", "data/"],
  training: ["evaluation/", "plots/", "models/", "nn/", "graph/", "checkpoint/", "data/"],
};

async function* modules(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* modules(new URL(`${name}/`, folder));
    else if (/\.[jt]s$/.test(name)) yield new URL(name, folder);
  }
}

Deno.test("the folders of src/ import each other one way", async () => {
  const wrong: string[] = [];
  for (const [folder, allowed] of Object.entries(ARROWS)) {
    for await (const file of modules(new URL(`${folder}/`, SRC))) {
      for (const [, specifier] of (await Deno.readTextFile(file)).matchAll(/\b(?:from|import)[ (]"(\.[^"]+)"/g)) {
        const target = new URL(specifier, file).href.slice(SRC.href.length);
        const arrow = !target.includes("/") || [`${folder}/`, ...allowed].some((start) => target.startsWith(start));
        if (!arrow) wrong.push(`${file.href.slice(SRC.href.length)} -> ${target}`);
      }
    }
  }
  assertEquals(wrong, []);
});
