/**
 * Least privilege: a command that knows which files it needs does its work in a thread with no other permissions. The
 * thread runs the same module with the same arguments. It sees that its permissions are restricted and does the work.
 *
 * @module
 */

/** Files and folders that a thread may use. */
export interface Confinement {
  /** Paths that it may read. */
  readonly read: readonly string[];
  /** Paths that it may write. */
  readonly write: readonly string[];
}

/**
 * Returns whether this program may read and write everything, as its task grants. If its permissions are smaller, it
 * needs no thread.
 */
export function mayDoEverything(): boolean {
  return (["read", "write"] as const).every((name) => Deno.permissions.querySync({ name }).state === "granted");
}

/** Runs a module in a thread with only these permissions; returns its exit code. */
export async function confine(module: string, { read, write }: Confinement): Promise<number> {
  const nothing = { net: false, env: false, sys: false, run: false, ffi: false, import: false };
  const permissions: Deno.PermissionOptionsObject = { ...nothing, read: [...read], write: [...write] };
  const worker = new Worker(module, { type: "module", deno: { permissions } });
  try {
    return await new Promise<number>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
  } finally {
    worker.terminate();
  }
}

/** Ends this program with an exit code. In a thread of {@link confine}, sends the code to the program. */
export function leave(code: number): void {
  const thread = globalThis as unknown as { postMessage?: (code: number) => void };
  if (thread.postMessage) thread.postMessage(code);
  else Deno.exit(code);
}
