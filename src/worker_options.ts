/**
 * The permissions of worker threads. They get bytes and numbers by message and need no permission. Deno takes permissions
 * from a worker only with `--unstable-worker-options`, and ends a program that tries it without this flag. A program cannot
 * find out whether the flag is set. The command lines know it, because their deno.json sets the flag, and call
 * narrowWorkers().
 *
 * @module
 */

let permissions: "inherit" | "none" = "inherit";

/** Workers that start from now on have no permission. Only for programs that run with `--unstable-worker-options`. */
export function narrowWorkers(): void {
  permissions = "none";
}

/** The options of a worker that is a module. */
export function workerOptions(): WorkerOptions {
  const deno = permissions === "none" ? { deno: { permissions } } : {};
  return { type: "module", ...deno };
}
