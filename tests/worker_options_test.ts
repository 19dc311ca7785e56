import { assertEquals, assertStringIncludes } from "@std/assert";
import { openCpuPool } from "../src/cpu/pool.ts";
import { DecodePool } from "../src/data/pool/decode_pool.ts";
import { narrowWorkers, workerOptions } from "../src/worker_options.ts";

/** Returns the outcomes of the worker that tries every forbidden action. */
async function probe(options: WorkerOptions): Promise<string[]> {
  const worker = new Worker(new URL("./support/probe_worker.ts", import.meta.url), options);
  const outcomes: string[] = [];
  await new Promise<void>((resolve) => {
    worker.onmessage = ({ data }) => data === "end" ? resolve() : outcomes.push(data);
  });
  worker.terminate();
  return outcomes;
}

Deno.test("narrowWorkers() leaves workers no permission; without it they have their program's", async () => {
  const before = await probe(workerOptions());
  assertEquals(before[0], "read: done");
  narrowWorkers();
  const after = await probe(workerOptions());
  assertEquals(after, ["read", "write", "net", "env", "run"].map((deed) => `${deed}: NotCapable`));
  // Their parent keeps its own.
  assertStringIncludes(await Deno.readTextFile(new URL(import.meta.url)), "narrowWorkers");
});

Deno.test("every worker of this project is started with workerOptions()", async () => {
  narrowWorkers();
  const started: (WorkerOptions | undefined)[] = [];
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      started.push(options);
    }
  };
  try {
    new DecodePool(1).close();
    (await openCpuPool(1)).dispose();
  } finally {
    globalThis.Worker = Worker;
  }
  assertEquals(started, [workerOptions(), workerOptions()]);
});

Deno.test("workers start where a program imports this project without its deno.json", async () => {
  const script = `
    import { DecodePool } from ${JSON.stringify(new URL("../src/data/pool/decode_pool.ts", import.meta.url).href)};
    const pool = new DecodePool(1);
    await pool.preprocess(new Uint8Array(9), { resize: 1, crop: 1 }, "broken").catch(({ message }) => console.log(message));
    pool.close();
  `;
  const file = await Deno.makeTempFile({ suffix: ".js" });
  await Deno.writeTextFile(file, script);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-prompt", "--allow-read", file],
    stdin: "null",
  }).output();
  await Deno.remove(file);
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  assertStringIncludes(new TextDecoder().decode(stdout), "broken");
});
