/** Tests `inspect --image --html`: the report agrees with classify and the kernels, and is self-contained. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { decodePng } from "../../src/data/decoding/png/mod.ts";
import { timesByStage } from "../../src/models/architectures/stages.ts";
import { html } from "../../tools/inspect/html.ts";
import { encodePng } from "../../tools/inspect/png.ts";
import { statisticsOf } from "../../tools/inspect/statistics.ts";
import { runTask } from "../support/run_task.ts";
import { withFolder } from "../support/folders.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const [SHIP, AIRPLANE] = ["ship", "airplane"].map((name) => `${ROOT}web/examples/${name}.png`);

/** Writes a report and answers its text. */
async function report(folder: string, weights: string, images: readonly string[], ...flags: string[]): Promise<string> {
  const path = `${folder}/report.html`;
  const { code, stdout, stderr } = await runTask(
    "inspect",
    weights,
    ...images.flatMap((image) => ["--image", image]),
    "--html",
    path,
    ...flags,
  );
  assertEquals(code, 0, stderr);
  assertEquals(stdout, `report   ${path}\n`);
  return await Deno.readTextFile(path);
}

/** The texts of the cells of every row of a table's body that has `cells` of them. */
function rowsOf(page: string, cells: number): string[][] {
  const rows = [...page.matchAll(/<tr>([^]*?)<\/tr>/g)].map(([, row]) =>
    [...row.matchAll(/<td[^>]*>([^]*?)<\/td>/g)].map(([, text]) => text)
  );
  return rows.filter((row) => row.length === cells);
}

/** No script, and no address that a browser would ask. */
function assertSelfContained(page: string): void {
  for (const [, address] of page.matchAll(/\b(?:src|srcset|href|action|data)="([^"]*)"/g)) {
    assertMatch(address, /^data:image\/png;base64,[A-Za-z0-9+/=]+$/);
  }
  assert(!/<(script|link|iframe|object|form|base)\b|\bon\w+=|@import|url\(/i.test(page));
  assertStringIncludes(page, `content="default-src 'none'; img-src data:; style-src 'sha256-`);
}

/** The style sheet is the one that the page's own policy allows. */
async function assertPolicyFits(page: string): Promise<void> {
  const [, style] = /<style>([^]*?)<\/style>/.exec(page)!;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style)));
  assertStringIncludes(page, `style-src 'sha256-${digest.toBase64()}'`);
}

Deno.test("a report of two images has classify's logits, every layer's attentions, statistics and times", () =>
  withFolder(async (folder) => {
    const page = await report(folder, "od_resnet20_cifar10", [SHIP, AIRPLANE], "--device", "webgpu");
    assertSelfContained(page);
    await assertPolicyFits(page);

    const flags = ["--weights", "od_resnet20_cifar10", "--device", "webgpu", "--json"];
    const said: { top: { name: string; class: number; logit: number }[] }[] = JSON.parse(
      (await runTask("classify", SHIP, AIRPLANE, ...flags)).stdout,
    );
    const expected = said.flatMap(({ top }) => top.map((c) => [c.name, String(c.class), c.logit.toFixed(5)]));
    assertEquals(rowsOf(page, 4).map(([name, number, , logit]) => [name, number, logit]), expected);

    const layers = [...page.matchAll(/<summary><b>([^<]+)<\/b>/g)].map(([, name]) => name);
    assertEquals([layers.length, layers[0], layers.at(-1)], [18, "layer1.0.conv1", "layer3.2.conv2"]);
    assertEquals([...page.matchAll(/<details open>/g)].length, 1, "one layer is open");
    for (const layer of layers) {
      for (const attention of ["spatial", "channel", "filter", "kernel"]) {
        for (const head of ["A", "B", "B − A"]) assertStringIncludes(page, `${layer}, ${attention} attention, ${head}`);
      }
      assertEquals([...page.matchAll(new RegExp(`alt="${layer}, effective kernel, `, "g"))].length, 3);
    }

    const statistics = rowsOf(page, 9).filter((row) => row.at(-1)!.includes("<svg"));
    assertEquals(statistics.length, 2 * 20); // conv1, 18 layers, fc; for both images
    for (const [layer, , , mean, std, min, max] of statistics) {
      const [m, s, low, high] = [mean, std, min, max].map(Number);
      assert(low <= m && m <= high && s > 0, layer);
      if (layer !== "fc" && layer !== "") assertEquals(low, 0, `${layer} ends in a ReLU`);
    }
    for (const title of ["By stage", "By kernel"]) assertStringIncludes(page, `<title>${title}</title>`);
    for (const stage of ["inputs", "conv1", "layer1", "layer2", "layer3", "pooling", "fc"]) {
      assertMatch(page, new RegExp(`>${stage}</text>`));
    }
  }));

Deno.test("a report of one image on the CPU has its attentions, and says that single layers are not timed", () =>
  withFolder(async (folder) => {
    const flags = ["--device", "cpu", "--temperature", "1000"];
    const page = await report(folder, "od_resnet20_cifar10", [SHIP], ...flags);
    assertSelfContained(page);
    assertStringIncludes(page, "no clock for single layers");
    assertStringIncludes(page, "temperature 1000");
    assert(!page.includes("B − A"));
    // At such a temperature each of four kernels counts the same.
    const kernel = /<title>layer1\.0\.conv1, kernel attention<\/title>[^]*?<\/svg>/.exec(page)![0];
    assertEquals([...kernel.matchAll(/>(\d\.\d+)<\/text>/g)].map(([, v]) => v), Array(4).fill("0.25"));
  }));

Deno.test("a report of weights without ODConv layers says so, and images of any size are reported", () =>
  withFolder(async (folder) => {
    const photo = `${ROOT}tests/fixtures/images/65x49_420_progressive.jpg`;
    const page = await report(folder, "resnet20_cifar10", [photo], "--device", "cpu");
    assertStringIncludes(page, "no ODConv layer");
    assertStringIncludes(page, "resnet20, 10 classes");
  }));

Deno.test("names of files are text in a report, whatever they hold", () =>
  withFolder(async (folder) => {
    const name = `<img src=x onerror=alert(1)>"'&.png`;
    await Deno.copyFile(SHIP, `${folder}/${name}`);
    const page = await report(folder, "od_resnet20_cifar10", [`${folder}/${name}`], "--device", "cpu");
    assert(!page.includes("<img src=x"));
    assertStringIncludes(page, "&lt;img src=x onerror=alert(1)&gt;");
  }));

Deno.test("inspect writes no report where something is wrong, and says what", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/note.png`, "not an image");
    const path = `${folder}/report.html`;
    const cases: [code: number, message: string, ...args: string[]][] = [
      [2, "--image and --html go together", "od_resnet20_cifar10", "--html", path],
      [2, "--image and --html go together", "od_resnet20_cifar10", "--image", SHIP],
      [2, "--html needs weights", "--image", SHIP, "--html", path],
      [2, "one --image or two, not 3", "resnet20_cifar10", ..."abc".split("").flatMap(() => ["--image", SHIP])],
      [1, "note.png: not an image", "od_resnet20_cifar10", "--image", `${folder}/note.png`, "--html", path],
      [1, "there is no folder", "od_resnet20_cifar10", "--image", SHIP, "--html", `${folder}/no/report.html`],
    ];
    for (const [code, message, ...args] of cases) {
      const outcome = await runTask("inspect", ...args);
      assertEquals(outcome.code, code, outcome.stderr);
      assertStringIncludes(outcome.stderr, message);
    }
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["note.png"]);
  }));

Deno.test("`statisticsOf()` counts zeros and bins, and takes constants", () => {
  const { mean, std, min, max, zeros, counts } = statisticsOf(Float32Array.of(0, 0, 1, 3));
  assertEquals([mean, std, min, max, zeros], [1, Math.sqrt(1.5), 0, 3, 0.5]);
  assertEquals([counts.length, counts[0], counts[10], counts[29]], [30, 2, 1, 1]);
  const constant = statisticsOf(Float32Array.of(7, 7, 7));
  assertEquals([constant.mean, constant.std, constant.counts[0]], [7, 0, 3]);
});

Deno.test("`encodePng()` writes what a PNG decoder reads", async () => {
  const rgba = Uint8Array.from({ length: 4 * 3 * 2 }, (_, i) => i % 4 === 3 ? 255 : 7 * i);
  const { width, height, data } = await decodePng(await encodePng(rgba, 3), "x");
  assertEquals([width, height], [3, 2]);
  assertEquals([...data], [...rgba].filter((_, i) => i % 4 !== 3));
});

Deno.test("html`` escapes all but what is HTML already", () => {
  const inner = html`<b>${'<&">'}</b>`;
  assertEquals(
    html`<p title="${'"'}">${[inner, 1, undefined]}</p>`.text,
    '<p title="&quot;"><b>&lt;&amp;&quot;&gt;</b>1</p>',
  );
});

Deno.test("`timesByStage()` tells a ResNet's and a MobileNet's stages apart", () => {
  const names = ["x", "features.0.0", "features.1.conv.0.0", "features.1.conv.1", "layer1.0.conv1", "", "fc"];
  const times = timesByStage(names.map((node) => ({ node, milliseconds: 1 })), new Set(["x"]));
  assertEquals(times, [
    { what: "inputs", milliseconds: 1 },
    { what: "features.0", milliseconds: 1 },
    { what: "features.1", milliseconds: 2 },
    { what: "layer1", milliseconds: 1 },
    { what: "pooling", milliseconds: 1 },
    { what: "fc", milliseconds: 1 },
  ]);
});
