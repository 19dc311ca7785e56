/** Runs tests that run in Deno again in Chromium. They are bundled with the parts of Deno that they use. */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { bundle } from "../../tools/bundle/bundle.ts";
import { withPage } from "./chromium.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Modules that stand in for others in a page. */
const STAND_INS: readonly (readonly [filter: RegExp, path: string])[] = [
  [/^@std\/assert$/, "tests/support/std_assert.ts"],
  [/^node:assert\/strict$/, "tests/web/in_page/assert_strict.ts"],
  [/\/fixtures\.ts$/, "tests/web/in_page/fixtures.ts"],
];

/** "tests/graph/operators_test.ts" -> "graph_operators_test". */
function fileName(path: string): string {
  return path.replace("tests/", "").replace("/", "_").replace(".ts", "");
}

async function bundleTests(paths: readonly string[], folder: string): Promise<void> {
  await bundle({
    entries: {
      deno: fileURLToPath(new URL("./in_page/deno.ts", import.meta.url)),
      ...Object.fromEntries(paths.map((path) => [fileName(path), ROOT + path])),
    },
    out: `${folder}/tests`,
    withoutDeno: false,
    minify: false,
    plugins: [{
      name: "stand-ins",
      setup: ({ onResolve }) =>
        STAND_INS.forEach(([filter, path]) => onResolve({ filter }, () => ({ path: ROOT + path }))),
    }],
  });
  await Deno.writeTextFile(`${folder}/index.html`, `<!DOCTYPE html><link rel="icon" href="data:,">`);
  await Deno.mkdir(`${folder}/fixtures`);
  for await (const { name, isFile } of Deno.readDir(`${ROOT}tests/fixtures`)) {
    if (isFile) await Deno.copyFile(`${ROOT}tests/fixtures/${name}`, `${folder}/fixtures/${name}`);
  }
}

/** Makes each of these files of tests ("tests/graph/operators_test.ts") a test: that all of its own pass in Chromium. */
export async function testInChromium(paths: readonly string[]): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "odconv_kernels_" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await bundleTests(paths, folder);
  for (const path of paths) {
    Deno.test({
      name: `${path} passes in Chromium`,
      sanitizeOps: false,
      sanitizeResources: false,
      fn: () =>
        withPage(folder, "", {}, async (page) => {
          const { passed, failures } = await page.evaluate(async (name) => {
            await import("/tests/deno.js" as string);
            await import(`/tests/${name}.js` as string);
            // deno-lint-ignore no-explicit-any -- what deno.ts puts there
            return await (globalThis as any).runTests();
          }, fileName(path));
          assertEquals(failures, []);
          assert(passed > 0, "no tests ran");
        }),
    });
  }
}
