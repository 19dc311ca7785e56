/** Runs commands in the test's own process, so that tests can replace their device. */

import { assert } from "@std/assert";
import { type Command, execute } from "../../tools/support/command.ts";
import type { FaultyGpu } from "../webgpu/faulty_gpu.ts";
import { withPlatform } from "../webgpu/faulty_gpu.ts";

/** Exit code and output lines of a command. */
export interface Said {
  readonly code: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** Runs a command on a faulty GPU. */
export async function runHere<S extends string, B extends string, C extends S>(
  command: Command<S, B, C>,
  faulty: FaultyGpu,
  args: readonly string[],
): Promise<Said> {
  const stdout: string[] = [], stderr: string[] = [];
  const { log, error } = console;
  console.log = (...words) => void stdout.push(words.join(" "));
  console.error = (...words) => void stderr.push(words.join(" "));
  let code: number | undefined;
  try {
    await withPlatform(faulty.gpu, async () => void (code = await execute(command, args)));
  } finally {
    Object.assign(console, { log, error });
  }
  assert(code !== undefined);
  return { code, stdout, stderr };
}
