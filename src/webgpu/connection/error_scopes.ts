import { DeviceError } from "../../errors.ts";

/**
 * Runs `make` inside error scopes. Throws their errors as a DeviceError whose message begins with `what`. The reason is
 * "too large" if memory ran out.
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
    // Nobody awaits the scopes if `make` has thrown.
    scopes.catch(() => {});
  }
  const [invalid, tooLarge] = await scopes;
  if (tooLarge) throw new DeviceError(`${what}: out of memory: ${tooLarge.message}`, { reason: "too large" });
  if (invalid) throw new DeviceError(`${what}: ${invalid.message}`);
  return made;
}
