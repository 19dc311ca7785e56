/**
 * PyTorch: this project's own reference networks in a separate process, if there is a Python with torch.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { DeviceError } from "../../src/errors.ts";

/** The work to time; see pytorch.py. */
export interface PyTorchJob {
  readonly work: "forward" | "train";
  readonly model: string;
  readonly kernelNum: number;
  readonly batch: number;
  readonly imageSize: number;
}

/** A Python process that waits for jobs. */
export interface PyTorch {
  /** Version and number of threads. */
  readonly description: string;
  /** Returns the milliseconds of a run. Throws DeviceError if the process has ended. */
  run(job: PyTorchJob): Promise<number>;
  /** Ends the process. */
  dispose(): Promise<void>;
}

/** Starts a Python. Throws DeviceError if it has no torch. */
export async function openPyTorch(python: string): Promise<PyTorch> {
  const script = fileURLToPath(new URL("./pytorch.py", import.meta.url));
  const process = new Deno.Command(python, { args: [script], stdin: "piped", stdout: "piped" }).spawn();
  const lines = linesOf(process.stdout);
  const writer = process.stdin.getWriter();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new DeviceError(`${python} ended: does it have torch? Its own message is above`);
    return JSON.parse(value);
  };
  const { description } = await answer();
  return {
    description,
    async run(job) {
      await writer.write(new TextEncoder().encode(JSON.stringify(job) + "\n"));
      return (await answer()).ms;
    },
    async dispose() {
      await writer.close();
      await process.status;
    },
  };
}

async function* linesOf(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
