/** Whether this is a Linux whose packages we may change. */
export function mayInstall(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0;
}

/** Installs packages of a Debian, asking nobody. Where it is another system, or they are not to be had, nothing happens. */
export async function aptGetInstall(...packages: string[]): Promise<void> {
  await aptGet("update", "-qq");
  await aptGet("install", "-y", "-qq", "--no-install-recommends", ...packages);
}

async function aptGet(...args: string[]): Promise<void> {
  try {
    await new Deno.Command("apt-get", { args, env: { DEBIAN_FRONTEND: "noninteractive" }, stdout: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
