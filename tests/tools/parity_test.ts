import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { command } from "../../tools/parity.ts";
import { execute } from "../../tools/support/command.ts";

/** Runs the tool and returns its exit code and output. */
async function run(...argv: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const { log, error } = console;
  console.log = console.error = (...args: unknown[]) => void lines.push(args.map(String).join(" "));
  try {
    return { code: await execute(command, argv), text: lines.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

Deno.test("`parity` prints a row of errors for each chosen model", async () => {
  const { code, text } = await run("--only", "resnet20@32");
  assertEquals(code, 0, text);
  assertMatch(text, /\n\| resnet20 \| +\| 32x32 \| \d\.\de-\d \| \d\.\de-\d \| +\d\.\de-\d \|\n/);
  assertStringIncludes(text, "1 compared, at most");
});

Deno.test("`parity` exits 2 when no model has the name", async () => {
  const { code, text } = await run("--only", "resnet19");
  assertEquals(code, 2);
  assertStringIncludes(text, 'no model\'s name contains "resnet19"');
});
