/** Tests README.md and docs/: runs every block of code, with the exceptions of docs/rules.ts. */

import { assert, assertEquals } from "@std/assert";
import { blocksOf, pages, parseBlocks, ROOT } from "./docs/blocks.ts";
import { PageRun } from "./docs/run.ts";
import { makeWorkspace } from "./docs/workspace.ts";

/** What is done with a block, by its language. Any other language fails. */
const LANGUAGES: Readonly<Record<string, string>> = {
  sh: "each command runs",
  ts: "its types are checked and it runs",
  html: "its script's types are checked, and tests/web/module.chromium.ts opens it as a page",
  python: "tests/reference/check_export.py runs it",
  text: "nothing: it is what a command prints, or a formula",
};

for (const page of pages()) {
  Deno.test(`the blocks of ${page} run as they stand`, async () => {
    const blocks = blocksOf(page);
    for (const { language, line } of blocks) {
      assert(language in LANGUAGES, `${page}, line ${line}: a test cannot run "${language}"`);
    }
    if (!blocks.some(({ language }) => ["sh", "ts", "html"].includes(language))) return;
    const folder = await makeWorkspace();
    try {
      await new PageRun(page, folder).all(blocks);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("pages with html and Python are those that other programs run", async () => {
  const having = (language: string) => pages().filter((page) => blocksOf(page).some((b) => b.language === language));
  assertEquals(having("html"), ["docs/browser.md"]);
  assertEquals(having("python"), ["docs/pytorch.md"]);
  for (const [program, page] of [["web/module.chromium.ts", "browser"], ["reference/check_export.py", "pytorch"]]) {
    assert((await Deno.readTextFile(`${ROOT}tests/${program}`)).includes(`docs/${page}.md`), program);
  }
});

Deno.test("links between the pages lead somewhere, and README.md leads to every page", async () => {
  const linked = new Set<string>();
  for (const page of [...pages(), "CONTRIBUTING.md", "SECURITY.md"]) {
    const text = await Deno.readTextFile(ROOT + page);
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      const path = new URL(target, `file://${ROOT}${page}`).pathname;
      assert(await Deno.stat(path).catch(() => undefined), `${page}: ${target} is not there`);
      if (page === "README.md") linked.add(path.slice(ROOT.length));
    }
  }
  assertEquals(pages().filter((page) => page !== "README.md" && !linked.has(page)), []);
});

Deno.test("parseBlocks() finds fenced blocks and indented commands, and no others", () => {
  const text =
    "a\n\n```sh\nx \\\n  y\n\n    z\n```\n\n    deno task a\n    b\n\n- list\n  ```ts\n  c\n  ```\n\n    y = x\n";
  assertEquals(parseBlocks(text), [
    { language: "sh", code: "x \\\n  y\n\n    z\n", line: 4 },
    { language: "sh", code: "deno task a\nb\n", line: 10 },
    { language: "ts", code: "  c\n", line: 15 },
    { language: "text", code: "y = x\n", line: 18 },
  ]);
});
