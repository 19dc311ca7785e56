/** Counts the bytes that code allocates with `new ArrayBuffer(n)`, `new Uint8Array(n)` and similar constructors. */

const NAMES = [
  ...["ArrayBuffer", "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array"],
  ...["Int32Array", "Uint32Array", "Float16Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"],
] as const;

let requested = 0;

/** Starts to count, in this thread and for good. */
export function countAllocations(): void {
  const globals = globalThis as unknown as Record<string, new (...args: unknown[]) => object>;
  for (const name of NAMES) {
    const width = (globals[name] as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    globals[name] = new Proxy(globals[name], {
      construct(target, args, newTarget) {
        if (typeof args[0] === "number") requested += args[0] * width;

        return Reflect.construct(target, args, newTarget);
      },
    });
  }
}

/** Bytes asked for since the last call. */
export function takeRequested(): number {
  const bytes = requested;
  requested = 0;
  return bytes;
}
