import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

/** Returns the npm packages that Deno would fetch for a program, as name@version. */
async function packagesOf(program: string): Promise<string[]> {
  const path = fileURLToPath(new URL(`../../${program}`, import.meta.url));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", path] }).output();
  assertEquals(code, 0);
  return Object.keys(JSON.parse(new TextDecoder().decode(stdout)).npmPackages);
}

Deno.test("neither the public module nor eval and classify know of the plotting library", async () => {
  const plotting = /^(@observablehq\/plot|linkedom|d3)@/;
  assert(
    (await packagesOf("src/plots/mod.ts")).some((name) => plotting.test(name)),
    "the test looks for the wrong name",
  );
  for (const program of ["mod.ts", "web/page.ts", "tools/eval.ts", "tools/classify.ts"]) {
    assertEquals((await packagesOf(program)).filter((name) => plotting.test(name)), [], program);
  }
});
