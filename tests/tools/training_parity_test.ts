import { assertEquals } from "@std/assert";
import { execute } from "../../tools/support/command.ts";
import { markdownTable } from "../../tools/support/markdown_table.ts";
import { command } from "../../tools/training_parity.ts";

Deno.test("`training-parity` exits 2 when no case has the name", async () => {
  const errors: string[] = [];
  const { error } = console;
  console.error = (...args: unknown[]) => void errors.push(args.join(" "));
  try {
    assertEquals(await execute(command, ["--only", "resnet19"]), 2);
  } finally {
    console.error = error;
  }
  assertEquals(errors[0].includes('no case\'s name contains "resnet19"'), true, errors.join("\n"));
});

Deno.test("`markdownTable()` aligns names to the left and numbers to the right", () => {
  const expected = "| name | error |\n| ---- | ----: |\n| a    |     1 |\n| abcd | 1e-10 |\n";
  assertEquals(markdownTable(["name", "error"], [["a", "1"], ["abcd", "1e-10"]]), expected);
});
