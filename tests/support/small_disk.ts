/** Provides a disk that fills up quickly. */

/**
 * Makes `folder` a disk of this many kilobytes while `work` runs. `isFull` is false if the process may not mount a
 * disk. Then programs that start with `prefix` cannot write longer files instead.
 */
export async function withSmallDisk(
  folder: string,
  kilobytes: number,
  work: (prefix: readonly string[], isFull: boolean) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(folder);
  const mount = ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "none", folder];
  const run = (program: string, args: string[]) => new Deno.Command(program, { args, stderr: "null" }).output();
  const { success: isFull } = await run("mount", mount);
  try {
    // ulimit counts blocks of 512 bytes.
    const limited = ["sh", "-c", `trap "" XFSZ; ulimit -f ${2 * kilobytes}; exec "$@"`, "sh"];
    await work(isFull ? [] : limited, isFull);
  } finally {
    if (isFull) await run("umount", [folder]);
  }
}
