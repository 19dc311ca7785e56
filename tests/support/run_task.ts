/** Runs tasks of deno.json as a user would, so that their permissions are tested, too. */

import { fileURLToPath } from "node:url";

/** Exit code and output of a task. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `deno task NAME ARGS...`. A permission prompt ends as an error, because there is no terminal. */
export async function runTask(name: string, ...args: string[]): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name, ...args],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    // Without XDG_RUNTIME_DIR, libraries below WebGPU write to stderr, which the tests check.
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
