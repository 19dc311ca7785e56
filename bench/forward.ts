/**
 * Times whole networks forward on WebGPU, beside the adapter's own ceiling measured in the same run.
 *
 * @module
 */

import { DeviceError } from "../src/errors.ts";
import type { Tensors } from "../src/graph/backend.ts";
import { type Graph, size } from "../src/graph/graph.ts";
import { createModel } from "../src/models/model.ts";
import { findArchitecture } from "../src/models/registry.ts";
import { ceilingMeter } from "../src/webgpu/ceiling.ts";
import { openWebGpu, type WebGpuBackend } from "../src/webgpu/device.ts";
import type { WebGpuExecutable } from "../src/webgpu/executable.ts";
import { type Command, execute, oneOf, wholeNumber } from "../tools/support/command.ts";
import { table } from "../tools/support/table.ts";

const HELP = `
Usage: deno task bench [options]

Times networks forward on WebGPU with random images. GFLOP/s count two operations a multiply-add; the ceiling is what a
loop of multiply-adds in registers reaches on the same adapter in the same minute.

Options:
  --only MODEL        one architecture (default: resnet18, od_resnet18, od_resnet50, od_mobilenetv2_100)
  --kernel-num N      kernels of the od_ models (default: 1 and 4)
  --batch B           images a run (default 1)
  --rounds R          measurements, of which the median counts (default 5)
  --operands WHERE    texture or buffer: where kernels read from (default: what suits the adapter)
  --kernels           time by kernel, too
  --json FILE         write {"rows":[{"work","model","kernelNum","batch","device","ms","gflops","ceilingGflops"}]}
  -h, --help          this text

Examples:
  deno task bench
  deno task bench --only od_resnet50 --kernel-num 4 --batch 8 --kernels
`;

const MODELS = ["resnet18", "od_resnet18", "od_resnet50", "od_mobilenetv2_100"];

/** Runs started before the first is awaited: an await costs a few milliseconds by itself. */
const IN_FLIGHT = 2;

/** One line of the report. */
interface Row {
  readonly work: "forward";
  readonly model: string;
  readonly kernelNum: number;
  readonly batch: number;
  readonly device: string;
  /** Median milliseconds of a run. */
  readonly ms: number;
  readonly gflops: number;
  readonly ceilingGflops: number;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function randomInputs(graph: Graph): Tensors {
  const inputs: Tensors = {};
  for (const [name, value] of graph.inputs) {
    if (value.source.kind === "input" && value.source.initial) continue;
    inputs[name] = Float32Array.from({ length: size(value.shape) }, () => Math.random() * 2 - 1);
  }
  return inputs;
}

async function timeRuns(executable: WebGpuExecutable, inputs: Tensors, rounds: number): Promise<number> {
  // The first run compiles: drivers leave it until then.
  await executable.run(inputs);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => executable.run(inputs)));
    times.push((performance.now() - start) / IN_FLIGHT);
  }
  return median(times);
}

async function printKernels(executable: WebGpuExecutable, inputs: Tensors): Promise<void> {
  const kernels = new Map<string, { ms: number; uses: number }>();
  for (const { kernel, milliseconds } of await executable.profile(inputs)) {
    const { ms, uses } = kernels.get(kernel) ?? { ms: 0, uses: 0 };
    kernels.set(kernel, { ms: ms + milliseconds, uses: uses + 1 });
  }
  const rows = [...kernels].filter(([, { ms }]) => ms > 0).sort((a, b) => b[1].ms - a[1].ms);
  console.log(table(["kernel", "dispatches", "ms"], rows.map(([name, { ms, uses }]) => [name, uses, ms.toFixed(2)])));
}

async function measure(
  backend: WebGpuBackend,
  arch: string,
  kernelNum: number,
  options: { batch: number; rounds: number; kernels: boolean; ceiling: () => Promise<number> },
): Promise<Row> {
  const { batch, rounds, kernels, ceiling } = options;
  const model = createModel({ arch, kernelNum });
  const graph = model.graph({ batch });
  const inputs = randomInputs(graph);
  const executable = await backend.compile(graph);
  try {
    const ms = await timeRuns(executable, inputs, rounds);
    if (kernels) await printKernels(executable, inputs);
    const gflops = 2 * model.countMadds() * batch / ms / 1e6;
    const device = backend.description;
    return { work: "forward", model: arch, kernelNum, batch, device, ms, gflops, ceilingGflops: await ceiling() };
  } finally {
    executable.dispose();
  }
}

const command: Command<"only" | "kernel-num" | "batch" | "rounds" | "operands" | "json", "kernels"> = {
  name: "bench",
  help: HELP,
  string: ["only", "kernel-num", "batch", "rounds", "operands", "json"],
  boolean: ["kernels"],
  async run(args) {
    const batch = wholeNumber("batch", args.batch) ?? 1;
    const rounds = wholeNumber("rounds", args.rounds) ?? 5;
    const kernelNum = wholeNumber("kernel-num", args["kernel-num"]);
    const operands = oneOf("operands", args.operands, ["texture", "buffer"]);
    const backend = await openWebGpu({ operands });
    if (!backend) throw new DeviceError("no WebGPU adapter was found (Debian: apt-get install mesa-vulkan-drivers)");
    try {
      const ceiling = await ceilingMeter(backend);
      const rows: Row[] = [];
      console.log(backend.description);
      for (const arch of args.only ? [args.only] : MODELS) {
        const counts = !findArchitecture(arch).dynamic ? [1] : kernelNum ? [kernelNum] : [1, 4];
        for (const n of counts) {
          const row = await measure(backend, arch, n, { batch, rounds, kernels: args.kernels, ceiling });
          rows.push(row);
          console.log(
            `${arch} n=${n} batch ${batch}: ${row.ms.toFixed(1)} ms, ${row.gflops.toFixed(1)} GFLOP/s, ` +
              `ceiling ${row.ceilingGflops.toFixed(0)}`,
          );
        }
      }
      if (args.json) {
        const beside = `${args.json}.part`;
        await Deno.writeTextFile(beside, JSON.stringify({ rows }, null, 2) + "\n");
        await Deno.rename(beside, args.json);
      }
    } finally {
      backend.dispose();
    }
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
