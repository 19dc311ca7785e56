/** Makes folders of files for a test. */

/** Runs `test` on a new folder, then removes the folder. */
export async function withFolder(test: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Writes files at these paths in `root`. Each file contains its own path. */
export async function writeFiles(root: string, paths: Iterable<string>): Promise<void> {
  for (const path of paths) {
    const file = `${root}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, path);
  }
}

/** Runs `test` on a new folder with files at these paths. */
export async function withFiles(paths: Iterable<string>, test: (root: string) => Promise<void>): Promise<void> {
  await withFolder(async (root) => {
    await writeFiles(root, paths);
    await test(root);
  });
}

/** Returns the path of one file in a folder of each name. */
export function oneEach(names: Iterable<string | number>): string[] {
  return [...names].map((name) => `${name}/a.jpg`);
}
