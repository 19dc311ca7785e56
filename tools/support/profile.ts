/**
 * `--profile`: shows how a network's time is spent on WebGPU.
 *
 * @module
 */

import { DeviceError } from "../../src/errors.ts";
import type { Backend, Tensors } from "../../src/graph/backend.ts";
import { type Graph, size } from "../../src/graph/graph.ts";
import type { WebGpuBackend } from "../../src/webgpu/device.ts";
import type { WebGpuExecutable } from "../../src/webgpu/run/executable.ts";
import { stateFile, writeState } from "./state_folder.ts";
import { table } from "./table.ts";

/** Flags that take a value. */
export const PROFILE_STRINGS = ["trace"] as const;

/** Flags without a value. */
export const PROFILE_BOOLEANS = ["profile"] as const;

/** Lines of a tool's help. */
export const PROFILE_HELP = `\
  --profile             print where the time of one run goes, by layer and kernel, and write a Chrome trace (WebGPU)
  --trace FILE.json     the trace's file (default: in .odconv); open it in chrome://tracing or ui.perfetto.dev`;

/** Options of a profile. */
export interface ProfileOptions {
  /** Title for display and for the trace: "od_resnet18_4x batch 8". */
  readonly name: string;
  /** Value of `--trace`. */
  readonly trace?: string;
  /** Called with each line. Default: prints to stdout. */
  readonly print?: (line: string) => void;
}

/** Returns random numbers for every input without initial numbers. */
export function randomInputs(graph: Graph): Tensors {
  const inputs: Tensors = {};
  for (const [name, value] of graph.inputs) {
    if (value.source.kind === "input" && value.source.initial) continue;
    inputs[name] = Float32Array.from({ length: size(value.shape) }, () => Math.random() * 2 - 1);
  }
  return inputs;
}

/** Compiles a graph, profiles one run with random inputs and prints it. Throws DeviceError if the device is the CPU. */
export async function profileGraph(backend: Backend, graph: Graph, options: ProfileOptions): Promise<void> {
  if (backend.name !== "webgpu") throw new DeviceError(`--profile needs WebGPU, the device is ${backend.description}`);
  const executable = await (backend as WebGpuBackend).compile(graph);
  try {
    await profileExecutable(backend as WebGpuBackend, executable, randomInputs(graph), options);
  } finally {
    executable.dispose();
  }
}

/** Profiles a run, prints two tables with the adapter's ceiling and writes the trace. Throws what running throws. */
export async function profileExecutable(
  backend: WebGpuBackend,
  executable: WebGpuExecutable,
  inputs: Tensors,
  { name, trace, print = console.log }: ProfileOptions,
): Promise<void> {
  const { costsOf, totalsBy } = await import("../../src/webgpu/profiler/cost.ts");
  const { chromeTrace } = await import("../../src/webgpu/profiler/chrome_trace.ts");
  const { ceilingMeter } = await import("../../src/webgpu/profiler/ceiling.ts");
  // Drivers compile in the first run, so it is not profiled.
  await executable.run(inputs);
  const times = await executable.profile(inputs);
  const ceiling = await (await ceilingMeter(backend))();
  const costs = costsOf(executable.plan, times);
  const whole = costs.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = (key: "node" | "kernel") =>
    totalsBy(key, costs).map(({ name, steps, milliseconds, flops, bytes }) => {
      const gflops = flops / milliseconds / 1e6;
      return [
        name,
        steps,
        milliseconds.toFixed(3),
        (100 * milliseconds / whole).toFixed(1),
        flops ? gflops.toFixed(1) : "",
        flops ? (100 * gflops / ceiling).toFixed(0) : "",
        (bytes / 1e6).toFixed(1),
        (bytes / milliseconds / 1e6).toFixed(1),
      ];
    });
  const columns = ["steps", "ms", "% of run", "GFLOP/s", "% of ceiling", "MB", "GB/s"];
  const longest = rows("kernel").sort((a, b) => Number(b[2]) - Number(a[2]));
  print(`\n${name}, one run on ${backend.description}\n\n${table(["layer", ...columns], rows("node"))}`);
  print(table(["kernel", ...columns], longest));
  print(`together ${whole.toFixed(2)} ms; the adapter's ceiling ${ceiling.toFixed(1)} GFLOP/s`);
  const path = stateFile(trace, `${name.replace(/\W+/g, "_")}.trace.json`);
  await writeState(path, chromeTrace(`${name}, ${backend.description}`, costs));
  print(`trace    ${path}`);
}
