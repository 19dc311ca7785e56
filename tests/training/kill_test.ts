import { assertEquals } from "@std/assert";
import { killAndResume } from "./kills.ts";

Deno.test("runTraining() killed at random moments and resumed ends with the files of a run that nobody killed", async () => {
  // `deno run tests/training/kills.ts` makes more kills.
  const { killed, wrong } = await killAndResume(5, 1, 5);
  assertEquals({ killed, wrong }, { killed: 5, wrong: [] });
});
