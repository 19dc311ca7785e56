/// <reference lib="dom" />

/**
 * Tests the bundled module in a user's page: what is loaded when, the decoders' bytes, the example of docs/browser.md.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { buildPage } from "../../tools/build.ts";
import { partSizes } from "../../tools/bundle/sizes.ts";
import { files } from "../data/expected.ts";
import { blocksOf } from "../docs/blocks.ts";
import { withPage } from "./chromium.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SITE = await Deno.makeTempDir({ prefix: "odconv_site_" });
const built = await buildPage(SITE);
globalThis.addEventListener("unload", () => Deno.removeSync(SITE, { recursive: true }));

/** An empty page beside the module. */
await Deno.writeTextFile(`${SITE}/empty.html`, `<!DOCTYPE html><link rel="icon" href="data:,">`);

const quietly = { sanitizeOps: false, sanitizeResources: false };

Deno.test("what the module loads at once holds nothing of Deno, Node, npm or the CPU, and of WebGPU what programs name", async () => {
  const { loadedWith } = built.find(({ name }) => name === "mod.js")!;
  const atOnce = built.filter(({ name }) => loadedWith.includes(name));
  for (const { name, modules } of atOnce) {
    const foreign = modules.filter((path) =>
      /node_modules|src\/(cpu\/|webgpu\/(?!tuning\/tuning\.ts))|\.wasm$|checkpoint\/hub\/(?!reference)/.test(path)
    );
    assertEquals(foreign, [], name);
    const text = await Deno.readTextFile(`${SITE}/odconv/${name}`);
    assert(!/\bDeno\.|from\s*"node:/.test(text), name);
  }
});

Deno.test("docs/browser.md's sizes are right to a tenth", async () => {
  const text = await Deno.readTextFile(`${ROOT}docs/browser.md`);
  for (const { when, bytes, compressed } of partSizes(built, `${SITE}/odconv`)) {
    const [, ...stated] = text.match(`\\| ${when} +\\| +(\\d+) kB \\| +(\\d+) kB \\|`) ?? [];
    const near = [bytes, compressed].map((n, i) => Math.abs(Number(stated[i]) * 1000 / n - 1) < 0.1);
    assertEquals(near, [true, true], `${when}: ${bytes} and ${compressed} bytes, docs/browser.md says ${stated} kB`);
  }
});

Deno.test("every declaration that the module's types name is there", async () => {
  const seen = new Set([`${SITE}/odconv/mod.d.ts`]);
  for (const path of seen) {
    const text = await Deno.readTextFile(path);
    assert(!/["']npm:|\.ts"/.test(text), path);
    for (const [, specifier] of text.matchAll(/(?:from |import\()"([^"]+)\.js"/g)) {
      seen.add(new URL(`${specifier}.d.ts`, `file://${path}`).pathname);
    }
  }
  assertStringIncludes(await Deno.readTextFile(`${SITE}/odconv/src/models/load.d.ts`), "Promise<Model>");
});

Deno.test({
  name: "the module decodes every image in a page to PIL's bytes",
  ...quietly,
  fn: () =>
    withPage(SITE, "empty.html", { webgpu: false }, async (page) => {
      for (const [name, { width, height, sha256 }] of Object.entries(files)) {
        const base64 = (await Deno.readFile(`${ROOT}tests/fixtures/images/${name}`)).toBase64();
        const decoded = await page.evaluate(async ([base64, name]) => {
          const { decodeImage } = await import("/odconv/mod.js" as string);
          const { width, height, data } = await decodeImage(
            Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)),
            name,
          );
          const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
          return { width, height, sha256: [...digest].map((b) => b.toString(16).padStart(2, "0")).join("") };
        }, [base64, name]);
        assertEquals([name, decoded], [name, { width, height, sha256 }]);
      }
    }),
});

Deno.test({
  name: "weights arrive with progress, and addresses that are not there are named",
  ...quietly,
  fn: () =>
    withPage(SITE, "empty.html", { webgpu: false, expected: /404/ }, async (page) => {
      const { progress, messages } = await page.evaluate(async () => {
        const { loadModel } = await import("/odconv/mod.js" as string);
        const progress: number[][] = [];
        const onProgress = (done: number, total: number) => progress.push([done, total]);
        await loadModel("weights/od_resnet20_cifar10.safetensors", {}, { onProgress });
        const messages: string[] = [];
        for (const source of ["weights/nothing.safetensors", "hf:owner/repo"]) {
          await loadModel(source).catch((error: Error) => messages.push(`${error.name}: ${error.message}`));
        }
        return { progress, messages };
      });
      const { size } = await Deno.stat(`${SITE}/weights/od_resnet20_cifar10.safetensors`);
      assert(progress.length > 1);
      assert(progress.every(([done, total], i) => total === size && done > (progress[i - 1]?.[0] ?? 0)));
      assertEquals(progress.at(-1), [size, size]);
      assertMatch(messages[0], /^CheckpointError: .*\/weights\/nothing\.safetensors: the server answers 404$/);
      assertMatch(messages[1], /^CheckpointError: hf:owner\/repo: a page has no hub client/);
    }),
});

Deno.test({
  name: "docs/browser.md's page works as it stands",
  ...quietly,
  async fn() {
    const [{ code }] = blocksOf("docs/browser.md").filter(({ language }) => language === "html");
    await Deno.writeTextFile(`${SITE}/example.html`, code.replace("\n", '<link rel="icon" href="data:,">\n'));
    await withPage(SITE, "example.html", {}, async (page) => {
      await page.locator("input:enabled").setInputFiles(`${SITE}/examples/frog.png`);
      await page.waitForFunction(() => document.querySelector("pre")!.textContent !== "");
      assertMatch((await page.textContent("pre"))!, /^frog 0\.9\d+\n(\w+ 0\.0\d+(e-\d+)?\n?){4}$/);
    });
  },
});
