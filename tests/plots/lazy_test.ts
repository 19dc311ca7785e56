import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

/** What Deno says of a program's modules: what each imports, as code and for its types alone. */
interface Info {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/** The npm packages that a program's modules name: those that Deno fetches to run it, and with `types` those of types. */
async function packagesOf(program: string, types = false): Promise<string[]> {
  const path = fileURLToPath(new URL(`../../${program}`, import.meta.url));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", path] }).output();
  assertEquals(code, 0);
  const { roots, modules }: Info = JSON.parse(new TextDecoder().decode(stdout));
  const dependencies = new Map(modules.map(({ specifier, dependencies = [] }) => [specifier, dependencies]));
  const reached = new Set(roots);
  for (const specifier of reached) {
    for (const { code, type } of dependencies.get(specifier) ?? []) {
      for (const target of [code, types ? type : undefined]) if (target?.specifier) reached.add(target.specifier);
    }
  }
  return [...reached].filter((specifier) => specifier.startsWith("npm:"));
}

Deno.test("neither the public module nor eval and classify fetch the plotting library", async () => {
  const plotting = /^npm:\/?(@observablehq\/plot|linkedom)@/;
  const named = await packagesOf("src/plots/mod.ts", true);
  assert(named.some((name) => plotting.test(name)), `the test looks for the wrong name: ${named}`);
  for (const program of ["mod.ts", "web/page.ts", "tools/eval.ts", "tools/classify.ts"]) {
    const packages = await packagesOf(program);
    assert(packages.length > 0, program);
    assertEquals(packages.filter((name) => plotting.test(name)), [], program);
  }
});
