/// <reference lib="dom" />

/** Tests the page in Chromium as a user would use it: by mouse, by keyboard, with valid and with broken files. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { buildPage } from "../../tools/build.ts";
import { runTask } from "../support/run_task.ts";
import { type Page, type PageOptions, withPage } from "./chromium.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SCREENSHOTS = `${ROOT}docs/screenshots`;
const SITE = await Deno.makeTempDir({ prefix: "odconv_site_" });
await buildPage(SITE);

function pageTest(name: string, options: PageOptions, work: (page: Page, origin: string) => Promise<void>): void {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      withPage(SITE, options.webgpu === false ? "" : "?device=webgpu", options, async (page, origin) => {
        await page.waitForSelector("#profile figure");
        await work(page, origin);
      }),
  });
}

/** Logits by class of the predictions that the page shows for an image. */
async function shownLogits(page: Page, slot: "A" | "B"): Promise<Map<number, number>> {
  const items = page.getByRole("region", { name: `Image ${slot}` }).locator(".guesses li");
  return new Map(
    await items.evaluateAll((all) =>
      all.map((li): [number, number] => [
        Number(li.getAttribute("data-class")),
        Number(li.getAttribute("data-logit")),
      ])
    ),
  );
}

/** Drops files onto an element, as the browser would. */
async function drop(page: Page, selector: string, files: { name: string; type: string; path?: string }[]) {
  const contents = await Promise.all(files.map(async ({ name, type, path }) => {
    const bytes = path ? await Deno.readFile(path) : new TextEncoder().encode("not what its name says");
    return { name, type, base64: bytes.toBase64() };
  }));
  const transfer = await page.evaluateHandle((contents) => {
    const transfer = new DataTransfer();
    for (const { name, type, base64 } of contents) {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type }));
    }
    return transfer;
  }, contents);
  await page.dispatchEvent(selector, "dragover", { dataTransfer: transfer });
  await page.dispatchEvent(selector, "drop", { dataTransfer: transfer });
}

/** What `deno task classify` says of files: logits by class. */
async function classify(weights: string, ...files: string[]): Promise<Map<number, number>[]> {
  const { code, stdout, stderr } = await runTask(
    "classify",
    ...files,
    "--weights",
    weights,
    "--device",
    "cpu",
    "--top",
    "10",
    "--json",
  );
  assertEquals(code, 0, stderr);
  const answers: { top: { class: number; logit: number }[] }[] = JSON.parse(stdout);
  return answers.map(({ top }) => new Map(top.map(({ class: c, logit }) => [c, logit])));
}

function assertClose(shown: Map<number, number>, expected: Map<number, number>): void {
  assertEquals(shown.size, 5);
  for (const [c, logit] of shown) {
    const difference = Math.abs(logit - expected.get(c)!);
    assert(difference < 1e-3, `class ${c}: ${logit} in the page, ${expected.get(c)} on the command line`);
  }
}

/** Photographs of every kind of file that decoders disagree on: subsampling, progressive, an orientation tag, CMYK. */
const TRAPS = ["rotated_by_exif.jpg", "65x49_420_progressive.jpg", "ycck_420.jpg", "lossy_alpha.webp", "palette.png"];

for (const webgpu of [true, false]) {
  const where = webgpu ? "on WebGPU" : "without WebGPU, on the CPU, which it says";
  pageTest(`the page predicts what the command line predicts ${where}`, { webgpu }, async (page) => {
    const status = await page.textContent("#status");
    assertStringIncludes(status!, webgpu ? "on WebGPU (" : "no fast WebGPU adapter, so the CPU does the work");
    const [ship, airplane] = await classify(
      "od_resnet20_cifar10",
      `${SITE}/examples/ship.png`,
      `${SITE}/examples/airplane.png`,
    );
    assertClose(await shownLogits(page, "A"), ship);
    assertClose(await shownLogits(page, "B"), airplane);

    const traps = await classify("od_resnet20_cifar10", ...TRAPS.map((name) => `${ROOT}tests/fixtures/images/${name}`));
    for (const [i, name] of TRAPS.entries()) {
      const path = `${ROOT}tests/fixtures/images/${name}`;
      await drop(page, ".slot >> nth=1", [{ name, type: "image/png", path }]);
      await page.waitForFunction(
        (name) => document.querySelectorAll("figcaption")[1].textContent!.includes(name),
        name,
      );
      assertClose(await shownLogits(page, "B"), traps[i]);
    }
  });
}

pageTest("the temperature slider and the layers work from the keyboard", {}, async (page) => {
  const before = await shownLogits(page, "A");
  await page.locator("#temperature").focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector("#temperature-value")!.textContent === "32");
  await page.waitForFunction((logit) => {
    return Number(document.querySelector(".guesses li")!.getAttribute("data-logit")) !== logit;
  }, before.values().next().value);
  // At this temperature every kernel counts nearly the same.
  const mixed = await page.locator(".grid.kernel").first().locator("span").allTextContents();
  assert(mixed.every((text) => Math.abs(Number(text) - 0.25) < 0.05), `kernel attentions at temperature 32: ${mixed}`);

  await page.locator("input[name=layer]").first().focus();
  await page.keyboard.press("ArrowRight");
  assertEquals(await page.locator(".detail h3").textContent(), "layer1.0.conv2 4 × [16, 16, 3, 3]");
  assertEquals(await page.locator(".detail [role=row]").count(), 6);
  for (const cell of await page.locator(".detail canvas").all()) assert(await cell.getAttribute("aria-label"));
});

pageTest("an image chosen or taken by the camera replaces the one in its place", {}, async (page) => {
  await page.locator(".slot input[type=file]").first().setInputFiles(`${ROOT}tests/fixtures/images/photo.png`);
  await page.waitForFunction(() => document.querySelector("figcaption")!.textContent!.startsWith("photo.png"));
  await page.getByRole("button", { name: "Camera" }).first().click();
  await page.waitForFunction(() => document.querySelector("figcaption")!.textContent!.startsWith("camera, 640"));
  await page.getByRole("button", { name: "Hold still" }).click();
  assertEquals(await page.locator("#error").isVisible(), false);
});

pageTest("weights without ODConv layers are shown for what they are", {}, async (page) => {
  await page.selectOption("#weights", "resnet20_cifar10");
  await page.waitForFunction(() => document.querySelector("#status")!.textContent!.startsWith("resnet20 on"));
  assertStringIncludes((await page.textContent("#attention-view"))!, "no ODConv layer");
  const [expected] = await classify("resnet20_cifar10", `${SITE}/examples/ship.png`);
  assertClose(await shownLogits(page, "A"), expected);
});

pageTest(
  "a PyTorch checkpoint is converted in the page, and the file it saves is the command line's",
  {},
  async (page) => {
    const folder = await Deno.makeTempDir({ prefix: "odconv_saved_" });
    const task = async (name: string, ...args: string[]) => {
      const { code, stderr } = await runTask(name, ...args);
      assertEquals(code, 0, stderr);
    };
    try {
      const path = `${folder}/mine.pth.tar`;
      await task("export", "od_resnet20_cifar10", "--out", path);
      await task("convert", path, "--out", `${folder}/expected.safetensors`);
      await page.selectOption("#weights", "resnet20_cifar10");
      await page.waitForFunction(() => document.querySelector("#status")!.textContent!.startsWith("resnet20 on"));
      await drop(page, "#attention", [{ name: "mine.pth.tar", type: "", path }]);
      await page.waitForFunction(() => document.querySelector("#status")!.textContent!.startsWith("od_resnet20, 4"));
      assertEquals(await page.inputValue("#weights"), "mine.pth.tar");
      const [expected] = await classify(`${folder}/expected.safetensors`, `${SITE}/examples/ship.png`);
      assertClose(await shownLogits(page, "A"), expected);

      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save as .safetensors" }).click();
      const saved = await download;
      assertEquals(saved.suggestedFilename(), "mine.safetensors");
      await saved.saveAs(`${folder}/mine.safetensors`);
      assertEquals(
        await Deno.readFile(`${folder}/mine.safetensors`),
        await Deno.readFile(`${folder}/expected.safetensors`),
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

pageTest("what is asked for last is what is shown, however fast it is asked for", {}, async (page) => {
  await page.evaluate(() => {
    const choose = (id: string, value: string) => {
      const list = document.getElementById(id) as HTMLSelectElement;
      list.value = value;
      list.dispatchEvent(new Event("change"));
    };
    choose("weights", "resnet20_cifar10");
    choose("device", "cpu");
    choose("weights", "od_resnet20_cifar10");
    choose("device", "webgpu");
    choose("weights", "resnet20_cifar10");
    document.querySelectorAll<HTMLElement>(".slot:first-child .example").forEach((example) => example.click());
  });
  await page.waitForFunction(() => document.querySelector("#status")!.textContent!.startsWith("resnet20 on WebGPU"));
  await page.waitForFunction(() => document.querySelector("figcaption")!.textContent!.startsWith("frog.png"));
  assertEquals(await page.inputValue("#weights"), "resnet20_cifar10");
  assertEquals(await page.locator("#error").isVisible(), false);
  const [frog] = await classify("resnet20_cifar10", `${SITE}/examples/frog.png`);
  assertClose(await shownLogits(page, "A"), frog);
});

pageTest("wrong files are refused in one sentence, and what was there stays", {}, async (page) => {
  const before = await shownLogits(page, "A");
  const refused = async (file: { name: string; type: string }, sentence: string) => {
    await drop(page, ".slot >> nth=0", [file]);
    await page.waitForFunction(
      (sentence) => document.querySelector("#error")!.textContent!.includes(sentence),
      sentence,
    );
    assert(await page.locator("#error").isVisible());
    assertEquals(await shownLogits(page, "A"), before);
  };
  await refused({ name: "note.jpg", type: "image/jpeg" }, "note.jpg: not an image");
  const sentence = 'note.txt: it is text, not a checkpoint: "not what its name says"';
  await refused({ name: "note.txt", type: "text/plain" }, sentence);
  await page.getByRole("button", { name: "Example: frog" }).first().click();
  await page.waitForFunction(() => document.querySelector("figcaption")!.textContent!.startsWith("frog.png"));
  assertEquals(await page.locator("#error").isVisible(), false);
});

pageTest(
  "WebGPU that is asked for and is not there is refused, and the CPU goes on",
  { webgpu: false },
  async (page) => {
    await page.selectOption("#device", "webgpu");
    await page.waitForSelector("#error:not([hidden])");
    assertStringIncludes((await page.textContent("#error"))!, "no WebGPU adapter was found");
    await page.getByRole("button", { name: "Example: truck" }).first().click();
    await page.waitForFunction(() => document.querySelector("figcaption")!.textContent!.startsWith("truck.png"));
  },
);

const LOOKS: Readonly<Record<string, PageOptions>> = {
  page: {},
  page_dark: { colorScheme: "dark" },
  page_phone: { size: { width: 390, height: 844 } },
};

for (const [name, options] of Object.entries(LOOKS)) {
  pageTest(`the page fits its window: ${name}`, options, async (page) => {
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assertEquals(overflow, 0);
    // For docs/, and not at every run: the times in them are never the same.
    if (!Deno.args.includes("--screenshots")) return;
    await Deno.mkdir(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
  });
}

globalThis.addEventListener("unload", () => Deno.removeSync(SITE, { recursive: true }));
