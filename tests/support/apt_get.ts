/** Returns whether this process may install packages: it runs on Linux as root. */
export function mayInstall(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0;
}

/** Installs Debian packages without prompts. Does nothing on another system or if the packages are not available. */
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
