/**
 * What worker threads may do. They get bytes and numbers by message and need no permission; but Deno takes permissions
 * from a worker only where it runs with `--unstable-worker-options`, and ends a program that asks for it without. A
 * program cannot find out, so whoever knows says so: the command lines do, whose deno.json sets it.
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
