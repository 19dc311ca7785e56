/**
 * `deno run --allow-read --allow-write --allow-run tests/training/kills.ts [KILLS] [SEED]`: kills the small run at
 * random moments, resumes it, and compares the final result with that of an uninterrupted run.
 */

import { fileURLToPath } from "node:url";
import { Random } from "../fuzz/random.ts";

const RUN = fileURLToPath(new URL("./killed_run.ts", import.meta.url));

/** What came of it. */
export interface Kills {
  /** Processes that were killed. */
  readonly killed: number;
  /** Runs that ended. */
  readonly runs: number;
  /** Files of runs that ended otherwise than the one that nobody killed; and whatever else went wrong. */
  readonly wrong: readonly string[];
}

/**
 * Kills so many processes. Every second one, by turns, kills itself when it touches a file or ends a step; the others are
 * killed from outside after a random time. A run is left to end after at most `most` of them.
 */
export async function killAndResume(kills: number, seed: number, most: number): Promise<Kills> {
  const random = new Random("kills", seed);
  const root = await Deno.makeTempDir();
  try {
    const began = performance.now();
    const { moments } = JSON.parse(await start(`${root}/whole`, 0));
    const time = performance.now() - began;
    const expected = await contents(`${root}/whole`);
    const wrong: string[] = [];
    let killed = 0, runs = 0;
    while (killed < kills) {
      const folder = `${root}/${runs++}`;
      let output = "";
      for (let turn = 0; turn < most && output === "" && killed < kills; turn++) {
        output = turn % 2 ? await start(folder, 0, random.below(time)) : await start(folder, 1 + random.below(moments));
        if (output === "") killed++;
      }
      output ||= await start(folder, 0);
      if (!JSON.parse(output).finished) wrong.push(`run ${runs}: not finished`);
      const found = await contents(folder);
      const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
      for (const name of names) if (found[name] !== expected[name]) wrong.push(`run ${runs}: ${name}`);
      await Deno.remove(folder, { recursive: true });
    }
    return { killed, runs, wrong };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Runs a process, killed after some milliseconds if it gets a time; answers what it printed, nothing if it was killed. */
async function start(folder: string, moment: number, time?: number): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const args = ["run", "--quiet", "--allow-read", "--allow-write", "--allow-run", "--allow-sys", "--allow-env"];
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args, RUN, folder, String(moment)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const timer = time === undefined ? undefined : setTimeout(() => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }, time);
  const { signal, code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  if (signal === "SIGKILL") return "";
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** What a run has written, without the times that its epochs took. */
async function contents(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(folder)) {
    const bytes = await Deno.readFile(`${folder}/${name}`);
    files[name] = name.endsWith(".jsonl")
      ? new TextDecoder().decode(bytes).replaceAll(/"seconds":[\d.]+/g, "")
      : bytes.toBase64();
  }
  return files;
}

if (import.meta.main) {
  const [kills = 100, seed = 1] = Deno.args.map(Number);
  const { killed, runs, wrong } = await killAndResume(kills, seed, 8);
  console.log(`${killed} processes killed in ${runs} runs; ${wrong.length} differences ${wrong.join(", ")}`);
  Deno.exit(wrong.length ? 1 : 0);
}
