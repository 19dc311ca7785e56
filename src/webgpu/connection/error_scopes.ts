import { DeviceError } from "../../errors.ts";

/**
 * Runs `make` inside error scopes and throws what they catch as a DeviceError that names `what`; of reason "too large" where
 * memory ran out.
 */
export async function guarded<T>(device: GPUDevice, what: string, make: () => T): Promise<T> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  let made: T;
  let scopes: Promise<(GPUError | null)[]>;
  try {
    made = make();
  } finally {
    scopes = Promise.all([device.popErrorScope(), device.popErrorScope()]);
    // Nobody waits for it where making has thrown.
    scopes.catch(() => {});
  }
  const [invalid, tooLarge] = await scopes;
  if (tooLarge) throw new DeviceError(`${what}: out of memory: ${tooLarge.message}`, { reason: "too large" });
  if (invalid) throw new DeviceError(`${what}: ${invalid.message}`);
  return made;
}
