/**
 * Measures the time from the start of a process to its first logits. It starts several processes and prints when each
 * stage was done. The weights are random. They are written to a file first, so that the time includes reading them.
 *
 *     deno run -A bench/first_prediction.ts [ARCHITECTURE] [KERNEL_NUM]
 *
 * The first process fills the driver's cache of compiled shaders, if there is one. The others find it warm.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { openDevice } from "../src/devices.ts";
import { loadModel } from "../src/models/load.ts";
import { encodeMetadata } from "../src/models/config/metadata.ts";
import { createModel } from "../src/models/model/model.ts";
import { writeSafetensors } from "../src/checkpoint/write/safetensors.ts";
import { table } from "../tools/support/table.ts";

const STARTS = 4;
const STAGES = ["modules", "device", "model", "compiled", "logits"] as const;

type Times = Record<typeof STAGES[number], number>;

/**
 * The program of a started process. It prints the time at which each stage was done, in milliseconds since the epoch.
 */
async function predict(path: string): Promise<void> {
  const times: Partial<Times> = { modules: Date.now() };
  const device = await openDevice("webgpu");
  times.device = Date.now();
  const model = await loadModel(path);
  times.model = Date.now();
  const network = await model.compile(device);
  times.compiled = Date.now();
  const { imageSize } = model;
  await network.run(new Float32Array(3 * imageSize * imageSize).fill(0.5));
  times.logits = Date.now();
  console.log(JSON.stringify(times));
  device.dispose();
}

async function start(path: string): Promise<Times> {
  const began = Date.now();
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "--allow-env", fileURLToPath(import.meta.url), "--predict", path],
    stderr: "inherit",
  }).output();
  if (!success) Deno.exit(1);
  const times: Times = JSON.parse(new TextDecoder().decode(stdout));
  return Object.fromEntries(STAGES.map((stage) => [stage, times[stage] - began])) as Times;
}

if (Deno.args[0] === "--predict") {
  await predict(Deno.args[1]);
  Deno.exit();
}
const [arch = "od_resnet50", kernelNum = "4"] = Deno.args;
const model = createModel({ arch, kernelNum: Number(kernelNum) });
const path = await Deno.makeTempFile({ suffix: ".safetensors" });
try {
  const metadata = encodeMetadata(model.config, { source: "random", sha256: "0".repeat(64) });
  await writeSafetensors(path, model.stateDict(), metadata);
  const rows = [];
  for (let i = 0; i < STARTS; i++) {
    const times = await start(path);
    rows.push([`start ${i + 1}`, ...STAGES.map((stage) => times[stage])]);
  }
  console.log(`${arch}, kernel_num ${kernelNum}: milliseconds since the process was started\n`);
  console.log(table(["", ...STAGES], rows));
} finally {
  await Deno.remove(path);
}
