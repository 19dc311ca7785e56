/** Writes bytes, all of them. */
export type Write = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/**
 * Writes a file beside `path` first, under its name only when all of it is there. Where `work` throws, nothing is left
 * behind and `path` is what it was.
 */
export async function writeFile(path: string, work: (write: Write) => Promise<void>): Promise<void> {
  const part = `${path}.part`;
  const file = await Deno.open(part, { write: true, create: true, truncate: true });
  try {
    try {
      await work(async (bytes) => {
        for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
      });
    } finally {
      file.close();
    }
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part);
    throw error;
  }
}
