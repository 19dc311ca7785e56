/**
 * The flags that tools share for devices: the device's name, and tuned kernels.
 *
 * @module
 */

import { readBytes } from "../../src/data/files/read.ts";
import { type DeviceName, type DeviceOptions, openDevice } from "../../src/devices.ts";
import { DataError } from "../../src/errors.ts";
import type { Backend } from "../../src/graph/backend.ts";
import type { Precision } from "../../src/webgpu/plan/plan.ts";
import { Tuning } from "../../src/webgpu/tuning/tuning.ts";
import { oneOf, UsageError } from "./command.ts";
import { progress } from "./progress.ts";
import { stateFile, writeState } from "./state_folder.ts";
import { yellow } from "./style.ts";
import { isFile } from "./weights.ts";

/** Flags that take a value. */
export const DEVICE_STRINGS = ["device", "tuning"] as const;

/** Flags without a value. */
export const DEVICE_BOOLEANS = ["tune"] as const;

/** Lines of a tool's help. */
export const DEVICE_HELP = `\
  --device NAME         auto, webgpu or cpu (default: auto, the faster of the two)
  --tune                measure which WebGPU kernels are fastest for this network and keep it for later runs
  --tuning FILE         where that is kept (default: .odconv/tuning.json, which is read if it is there)`;

/** As above, for tools that only infer. */
export const INFERENCE_STRINGS = [...DEVICE_STRINGS, "precision"] as const;
export const INFERENCE_HELP = `${DEVICE_HELP}
  --precision NAME      how WebGPU keeps convolutions' weights: float32 (default) or float16, half the memory`;

/** Values of these flags. */
export interface DeviceFlags {
  readonly device?: DeviceName;
  readonly tune?: boolean;
  readonly tuning?: string;
  readonly precision?: Precision;
  /** Whether a flag needs WebGPU. */
  readonly onlyWebGpu?: boolean;
}

/** Size limit of a tuning file in bytes. Real files are far smaller. */
const MOST_BYTES = 2 ** 23;

/**
 * Opens the tuning that the flags select and loads its file. A file that cannot be read is reported on stderr and
 * ignored.
 */
export async function tuningOf({ tune, tuning: file }: DeviceFlags): Promise<Tuning> {
  const path = stateFile(file, "tuning.json");
  const warn = (line: string) => console.error(yellow(line));
  const bar = progress("tuning", undefined);
  const tuning = new Tuning({
    measure: tune,
    notice: (line) => {
      bar.end();
      console.error(line);
    },
    onProgress: (done, total) => bar.update(done, `of ${total} shapes`),
    onMeasured: (json) => writeState(path, json),
  });
  // Without --tuning, the user must not be asked for permission.
  if (!file && (await Deno.permissions.query({ name: "read", path })).state !== "granted") return tuning;
  if (!await isFile(path)) {
    if (file && !tune) throw new DataError(`${file}: there is no such file; --tune makes it`);
    return tuning;
  }
  const { size } = await Deno.stat(path);
  if (size > MOST_BYTES) warn(`${path} is ignored: it has ${size} bytes, expected at most ${MOST_BYTES}`);
  else tuning.load(new TextDecoder().decode(await readBytes(path)), path);
  return tuning;
}

/** Checks the flags before any work begins. Throws UsageError. */
export function parseDeviceFlags(flags: Readonly<Record<string, unknown>>): DeviceFlags {
  const { device, tune, tuning, profile, trace } = flags;
  const precision = oneOf("precision", flags.precision as string | undefined, ["float32", "float16"]);
  if (precision === "float16" && device === "cpu") {
    throw new UsageError("--precision float16 is WebGPU's; the CPU computes with float32: leave one of the two out");
  }
  return {
    precision,
    device: oneOf("device", device as string | undefined, ["auto", "webgpu", "cpu"]),
    tune: tune as boolean | undefined,
    tuning: tuning as string | undefined,
    onlyWebGpu: Boolean(tune || profile || trace),
  };
}

/** Opens the device that the flags name. The choice of "auto" is printed on stderr. Throws DeviceError. */
export async function openDeviceOf(
  flags: DeviceFlags,
  options: Pick<DeviceOptions, "work" | "workers"> = {},
): Promise<Backend> {
  const { device, precision, onlyWebGpu: preferWebGpu } = flags;
  const tuning = device === "cpu" ? undefined : await tuningOf(flags);
  const notice = (line: string) => console.error(line);
  return await openDevice(device, { ...options, preferWebGpu, tuning, precision, notice });
}
