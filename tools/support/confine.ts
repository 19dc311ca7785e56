/**
 * Least power: a command that knows what it needs does its work in a thread that may do nothing else. The thread runs the
 * same module with the same arguments; it finds that it may do little, and does the work.
 *
 * @module
 */

/** Files and folders that a thread may use. */
export interface Confinement {
  /** Those that it may read. */
  readonly read: readonly string[];
  /** Those that it may write. */
  readonly write: readonly string[];
}

/** Whether this program may read and write everything, as its task grants: who was given less needs no thread. */
export function mayDoEverything(): boolean {
  return (["read", "write"] as const).every((name) => Deno.permissions.querySync({ name }).state === "granted");
}

/** Runs a module in a thread that may do nothing but what is named; answers the exit code that it leaves with. */
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

/** Ends this program with an exit code; in a thread of {@link confine}, tells the program to. */
export function leave(code: number): void {
  const thread = globalThis as unknown as { postMessage?: (code: number) => void };
  if (thread.postMessage) thread.postMessage(code);
  else Deno.exit(code);
}
