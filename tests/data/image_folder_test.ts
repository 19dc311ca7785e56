import { assertEquals, assertRejects } from "@std/assert";
import { byCodePoint, openImageFolder } from "../../src/data/image_folder.ts";
import { DataError } from "../../src/errors.ts";

/** Runs `test` on a folder that holds empty files at `paths`. */
async function withFiles(paths: readonly string[], test: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const path of paths) {
      await Deno.mkdir(`${root}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, path);
    }
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function samples(root: string, labels?: string): Promise<[string, number][]> {
  const dataset = await openImageFolder(root, labels);
  return Array.from({ length: dataset.length }, (_, i) => [dataset.item(i).file, dataset.item(i).label]);
}

Deno.test("openImageFolder() numbers folders in sorted order", async () => {
  await withFiles(["cat/b.png", "cat/a.JPEG", "Dog/x.jpg", "cat/notes.txt", "ant/1.webp"], async (root) => {
    assertEquals(await samples(root), [["Dog/x.jpg", 0], ["ant/1.webp", 1], ["cat/a.JPEG", 2], ["cat/b.png", 2]]);
    const { classes, numClasses } = await openImageFolder(root);
    assertEquals({ classes, numClasses }, { classes: ["Dog", "ant", "cat"], numClasses: 3 });
  });
});

Deno.test("openImageFolder() gives WordNet folders their ILSVRC index, also when only a few are there", async () => {
  await withFiles(["n15075141/a.jpg", "n01440764/b.jpg"], async (root) => {
    assertEquals(await samples(root), [["n01440764/b.jpg", 0], ["n15075141/a.jpg", 999]]);
    assertEquals((await openImageFolder(root)).numClasses, 1000);
  });
});

Deno.test("openImageFolder() does not take one WordNet folder among others for ImageNet", async () => {
  await withFiles(["n15075141/a.jpg", "other/b.jpg"], async (root) => {
    assertEquals(await samples(root), [["n15075141/a.jpg", 0], ["other/b.jpg", 1]]);
  });
});

Deno.test("openImageFolder() takes whole numbers for the classes themselves", async () => {
  await withFiles(["10/a.jpg", "9/b.jpg"], async (root) => {
    assertEquals(await samples(root), [["10/a.jpg", 10], ["9/b.jpg", 9]]);
    assertEquals((await openImageFolder(root)).numClasses, 11);
  });
});

Deno.test("openImageFolder() lets a labels file override everything", async () => {
  await withFiles(["7/a.jpg", "n01440764/b.jpg", "labels.d/labels.json"], async (root) => {
    const labels = `${root}/labels.d/labels.json`;
    await Deno.writeTextFile(labels, JSON.stringify({ "7": 3, n01440764: 1, "labels.d": 0, unused: 4 }));
    assertEquals(await samples(root, labels), [["7/a.jpg", 3], ["n01440764/b.jpg", 1]]);
    await Deno.writeTextFile(labels, JSON.stringify({ "7": 3, n01440764: -1, "labels.d": 0 }));
    await assertRejects(() => samples(root, labels), DataError, 'for the folder "n01440764", found -1');
    await Deno.writeTextFile(labels, JSON.stringify({ "7": 3 }));
    await assertRejects(() => samples(root, labels), DataError, "found nothing");
    await Deno.writeTextFile(labels, "{");
    await assertRejects(() => samples(root, labels), DataError, "not a JSON file");
  });
});

Deno.test("openImageFolder() lists nested folders in the order of their whole paths", async () => {
  const paths = ["a/b/1.jpg", "a/b c/2.jpg", "a/b/d/3.jpg", "a/z.jpg"];
  await withFiles(paths, async (root) => {
    // A space sorts before a slash.
    assertEquals((await samples(root)).map(([file]) => file), ["a/z.jpg", "a/b/1.jpg", "a/b c/2.jpg", "a/b/d/3.jpg"]);
  });
});

Deno.test("openImageFolder() follows linked class folders and never loops", async () => {
  await withFiles(["real/a.jpg", "set/own/b.jpg"], async (root) => {
    await Deno.symlink(`${root}/real`, `${root}/set/linked`);
    await Deno.symlink(`${root}/set`, `${root}/set/own/loop`);
    assertEquals(await samples(`${root}/set`), [["linked/a.jpg", 0], ["own/b.jpg", 1]]);
  });
});

Deno.test("openImageFolder() loads a file's bytes and names a file that is gone", async () => {
  await withFiles(["a/1.jpg"], async (root) => {
    const dataset = await openImageFolder(root);
    assertEquals(new TextDecoder().decode(await dataset.load(0) as Uint8Array), "a/1.jpg");
    await Deno.remove(`${root}/a/1.jpg`);
    await assertRejects(() => dataset.load(0), DataError, "a/1.jpg: no such file");
  });
});

Deno.test("openImageFolder() says what is missing", async () => {
  await withFiles(["empty.d/readme.txt"], async (root) => {
    await assertRejects(() => samples(root), DataError, "no images in its 1 folders");
    await assertRejects(() => samples(`${root}/empty.d`), DataError, "found no folders");
    await assertRejects(() => samples(`${root}/nowhere`), DataError, "no such file or folder");
  });
});

Deno.test("byCodePoint() sorts as Python does where UTF-16 units would not", () => {
  assertEquals(["\u{1F600}", "\uFF21", "B", "a", "ab"].sort(byCodePoint), ["B", "a", "ab", "\uFF21", "\u{1F600}"]);
});
