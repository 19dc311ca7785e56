/** A disk that is soon full. */

/**
 * Makes `folder` a disk of so many kilobytes while `work` runs. Without the right to mount one, programs that start with
 * `prefix` cannot write longer files instead, and the disk is not full (`isFull`).
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
    // In blocks of 512 bytes.
    const limited = ["sh", "-c", `trap "" XFSZ; ulimit -f ${2 * kilobytes}; exec "$@"`, "sh"];
    await work(isFull ? [] : limited, isFull);
  } finally {
    if (isFull) await run("umount", [folder]);
  }
}
