/** Runs tasks of deno.json as a person would, so that the permissions they ask for are tested with them. */

import { fileURLToPath } from "node:url";

/** What a task said. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `deno task NAME ARGS...`. A question for a permission would end as an error: nobody is there to answer it. */
export async function runTask(name: string, ...args: string[]): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name, ...args],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    // Without XDG_RUNTIME_DIR the libraries below WebGPU complain on stderr, which is ours to check.
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
