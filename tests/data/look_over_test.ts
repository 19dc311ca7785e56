import { assertEquals, assertMatch } from "@std/assert";
import { openImageFolder } from "../../src/data/datasets/image_folder.ts";
import { brokenFiles, lookOver } from "../../src/data/datasets/look_over.ts";
import { memoryDataset } from "../support/memory_dataset.ts";
import { encodePng } from "../support/write_png.ts";

Deno.test("lookOver() names files that are empty, missing or no images, with their whole path", async () => {
  const root = await Deno.makeTempDir();
  try {
    const png = encodePng({ width: 1, height: 1, data: new Uint8Array(3) });
    await Deno.mkdir(`${root}/a`);
    await Deno.writeFile(`${root}/a/0.png`, png);
    await Deno.writeFile(`${root}/a/1.jpg`, new Uint8Array());
    await Deno.writeTextFile(`${root}/a/2.png`, "<html>not found</html>");
    // The check does not read the end of a file.
    await Deno.writeFile(`${root}/a/3.png`, png.slice(0, 20));
    await Deno.symlink(`${root}/nowhere`, `${root}/a/4.png`);
    await Deno.writeFile(`${root}/a/5.png`, png);
    const dataset = await openImageFolder(root);
    const { files, broken } = await lookOver(dataset);
    assertEquals(files, 6);
    const messages = broken.map(({ message }) => message.replace(root, "").replace(/expected a .* file, /, ""));
    assertEquals(messages, [
      "/a/1.jpg: not an image that is read here: found an empty file",
      "/a/2.png: not an image that is read here: found a file of the format HTML (a download may have gone wrong: fetch it again)",
      "/a/4.png: no such file or folder",
    ]);
    assertMatch(
      brokenFiles(dataset, broken).message,
      /: 3 files are no image: .*\(--skip-bad leaves out broken images\)$/,
    );
    // Of more files than may be looked at, every second, third, ...
    const few = await lookOver(dataset, { most: 3 });
    assertEquals([few.files, few.broken.length], [3, 2]);
    const first = await lookOver(dataset, { end: 2 });
    assertEquals([first.files, first.broken.length], [2, 1]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("lookOver() looks at nothing if images are no files of their own", async () => {
  const load = () => Promise.reject(new Error("not asked for"));
  assertEquals(await lookOver(memoryDataset(3, load)), { files: 0, broken: [] });
});
