import { DeviceError } from "../errors.ts";

/** Runs `make` inside error scopes and throws what they catch as a DeviceError that names `what`. */
export async function guarded<T>(device: GPUDevice, what: string, make: () => T): Promise<T> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const made = make();
  const errors = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  const error = errors.find((e) => e !== null);
  if (error) throw new DeviceError(`${what}: ${error.message}`);
  return made;
}
