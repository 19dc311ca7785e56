import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { byCodePoint } from "../../src/data/files/by_code_point.ts";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { type ImageFolderOptions, openImageFolder } from "../../src/data/datasets/image_folder.ts";
import { DataError } from "../../src/errors.ts";
import cases from "../fixtures/image_folders.json" with { type: "json" };
import { oneEach, withFiles, withFolder, writeFiles } from "../support/folders.ts";

function samplesOf({ length, item }: Dataset): [string, number][] {
  return Array.from({ length }, (_, i) => [item(i).file, item(i).label]);
}

async function samples(root: string, options?: ImageFolderOptions): Promise<[string, number][]> {
  return samplesOf(await openImageFolder(root, options));
}

for (const { name, files, links, classes, samples } of cases) {
  Deno.test(`openImageFolder() numbers and orders as ImageFolder does: ${name}`, async () => {
    await withFolder(async (root) => {
      await writeFiles(`${root}/data`, files);
      for (const [link, target] of Object.entries(links)) await Deno.symlink(target!, `${root}/data/${link}`);
      const dataset = await openImageFolder(`${root}/data`);
      assertEquals(dataset.classes, classes);
      assertEquals(dataset.numClasses, classes.length);
      assertEquals(samplesOf(dataset), samples as [string, number][]);
    });
  });
}

Deno.test("openImageFolder() leaves out what systems and programs leave behind, in one line", async () => {
  const litter = [
    ".ipynb_checkpoints/a-checkpoint.jpg",
    "@eaDir/thumb.jpg",
    "__MACOSX/n01440764/._b.jpg",
    "lost+found/readme",
    "$RECYCLE.BIN/x.jpg",
    "System Volume Information/x",
    ".hidden/b.jpg",
  ];
  const images = ["n01440764/b.jpg", "n15075141/a.jpg", "n15075141/c.JPG"];
  const inside = ["n01440764/._b.jpg", "n01440764/.DS_Store", "n15075141/.ipynb_checkpoints/c.jpg"];
  await withFiles([...images, ...litter, ...inside], async (root) => {
    await Deno.mkdir(`${root}/.cache`);
    const dataset = await openImageFolder(root, { model: { numClasses: 1000 } });
    assertEquals(samplesOf(dataset), [["n01440764/b.jpg", 0], ["n15075141/a.jpg", 999], ["n15075141/c.JPG", 999]]);
    assertEquals(dataset.notes, [
      `${root}: left out "$RECYCLE.BIN", ".cache", ".hidden", ".ipynb_checkpoints", "@eaDir" and 5 more: systems and ` +
      "programs leave such things behind",
      `${root}: the model has 1000 classes, so that 2 class folders ("n01440764", "n15075141") have their numbers in ` +
      'ILSVRC-2012: "n15075141" is class 999',
    ]);
    assertEquals(dataset.warnings, []);
  });
});

Deno.test("openImageFolder() takes a folder named like litter for a class where the labels name it", async () => {
  await withFiles(["set/.a/1.jpg", "set/b/2.jpg", "labels.json"], async (root) => {
    await Deno.writeTextFile(`${root}/labels.json`, JSON.stringify({ ".a": 1, b: 0 }));
    assertEquals(await samples(`${root}/set`, { labels: `${root}/labels.json` }), [[".a/1.jpg", 1], ["b/2.jpg", 0]]);
  });
});

Deno.test("openImageFolder() refuses folders without images, naming them, whatever else is there", async () => {
  await withFiles([...oneEach(["n01440764", "n15075141"]), "notes/list.txt"], async (root) => {
    const message = 'no images in its folder "notes" (looked for .jpg, ';
    const error = await assertRejects(() => samples(root, { model: { numClasses: 1000 } }), DataError, message);
    assertStringIncludes(error.message, 'found "notes/list.txt"); every folder is a class: move away what is none');
    await Deno.mkdir(`${root}/old`);
    await assertRejects(() => samples(root), DataError, 'no images in 2 of its 4 folders: "notes", "old" (looked for');
    await Deno.writeTextFile(`${root}/labels.json`, '{"n01440764": 0, "n15075141": 1}');
    await assertRejects(() => samples(root, { labels: `${root}/labels.json` }), DataError, "no images in 2 of its 4");
  });
});

Deno.test("openImageFolder() lets a labels file override everything, and names classes without a folder too", async () => {
  await withFiles(["set/7/a.jpg", "set/n01440764/b.jpg"], async (root) => {
    const labels = `${root}/labels.json`;
    const open = (numClasses?: number) =>
      openImageFolder(`${root}/set`, { labels, model: numClasses ? { numClasses } : undefined });
    const write = (json: unknown) => Deno.writeTextFile(labels, JSON.stringify(json));
    await write({ "7": 3, n01440764: 1, absent: 4 });
    assertEquals(samplesOf(await open()), [["7/a.jpg", 3], ["n01440764/b.jpg", 1]]);
    assertEquals((await open()).classes, ["class 0", "n01440764", "class 2", "7", "absent"]);
    assertEquals((await open(6)).classes.at(-1), "class 5");
    await assertRejects(() => open(3), DataError, 'class index from 0 to 2 for the folder "7", found 3');
    await write({ "7": 3, n01440764: -1 });
    await assertRejects(() => open(), DataError, 'for the folder "n01440764", found -1');
    await write({ "7": 3 });
    await assertRejects(() => open(), DataError, "found nothing; the form is");
    await write({ "0": ["n01440764", "tench"] });
    await assertRejects(() => open(), DataError, 'the form is {"folder": class index, ...}');
    await Deno.writeTextFile(labels, "{");
    await assertRejects(() => open(), DataError, "not a JSON file");
  });
});

Deno.test("openImageFolder() follows links to folders and leaves out those that lead back, however far", async () => {
  await withFiles(["set/cat/a.jpg", "set/cat/in/b.jpg", "set/dog/c.jpg"], async (root) => {
    const link = (target: string, path: string) => Deno.symlink(target, `${root}/set/${path}`);
    await link("..", "cat/up"); // the data folder
    await link("../../..", "cat/in/top"); // the one that holds it
    await link("in", "cat/in/self");
    await link("loop", "cat/in/loop"); // to itself
    await link("../dog", "cat/dog");
    await link("../cat", "dog/cat"); // around by another class
    await link(".", "all");
    await link("/nowhere/at/all", "gone");
    const dataset = await openImageFolder(`${root}/set`);
    assertEquals(samplesOf(dataset), [
      ["cat/a.jpg", 0],
      ["cat/dog/c.jpg", 0],
      ["cat/in/b.jpg", 0],
      ["dog/c.jpg", 1],
      ["dog/cat/a.jpg", 1],
      ["dog/cat/in/b.jpg", 1],
    ]);
    assertEquals(dataset.notes, [
      `${root}/set: left out "all", "cat/dog/cat", "cat/in/top", "cat/up", "dog/cat/dog" and 2 more: links that lead ` +
      "back to a folder they are in",
      `${root}/set: left out "cat/in/loop", "cat/in/self", "dog/cat/in/loop", "dog/cat/in/self", "gone": links that lead ` +
      "nowhere",
    ]);
  });
});

Deno.test("openImageFolder() refuses names that are not UTF-8, of folders and images, and says why", async () => {
  for (const [folder, file] of [["caf\\xe9", "a.jpg"], ["cafe", "\\xe9.jpg"], ["cafe/\\xff", "a.jpg"]]) {
    await withFolder(async (root) => {
      const script =
        `mkdir -p $'${root}/${folder}' && touch $'${root}/${folder}/${file}' $'${root}/${folder}/\\xe9.txt'`;
      const { success } = await new Deno.Command("bash", { args: ["-c", script] }).output();
      // Some systems refuse such names themselves.
      if (success) await assertRejects(() => samples(root), DataError, "its name is not UTF-8, so that it cannot be");
    });
  }
  // U+FFFD itself is a name as any other.
  await withFiles(["\ufffd/\ufffd.jpg"], async (root) => {
    assertEquals(await samples(root), [["\ufffd/\ufffd.jpg", 0]]);
  });
});

Deno.test("openImageFolder() loads a file's bytes and names a file that is gone", async () => {
  await withFiles(["a/1.jpg", "b/2.jpg"], async (root) => {
    const dataset = await openImageFolder(root);
    assertEquals(new TextDecoder().decode(await dataset.load(0) as Uint8Array), "a/1.jpg");
    await Deno.remove(`${root}/a/1.jpg`);
    await assertRejects(() => dataset.load(0), DataError, "a/1.jpg: no such file");
  });
});

Deno.test("openImageFolder() says what is missing, and which folder may be meant", async () => {
  await withFiles(["val/a/1.jpg", "val/b/2.jpg", "none/readme.txt", "flat/1.jpg", "flat/2.jpg"], async (root) => {
    await assertRejects(() => samples(`${root}/none`), DataError, "found no folders");
    await assertRejects(() => samples(`${root}/nowhere`), DataError, "no such file or folder");
    await assertRejects(
      () => samples(`${root}/val/a`),
      DataError,
      `found no folders in it but images: 1; is ${root}/val meant`,
    );
    await assertRejects(() => samples(`${root}/flat`), DataError, "found no folders in it but images: 2");
    await writeFiles(`${root}/val`, ["loose.jpg", "list.txt"]);
    const { notes } = await openImageFolder(`${root}/val`);
    assertEquals(notes, [`${root}/val: left out images that lie in no class folder: 1`]);
  });
});

Deno.test("openImageFolder() warns of a folder one level too high or too low, and names the better one", async () => {
  const classes = ["ant", "bee", "cat"];
  const parts = ["train", "val"].flatMap((part) => oneEach(classes.map((name) => `set/${part}/${name}`)));
  await withFiles([...parts, ...oneEach(["tiny/ant/images", "tiny/bee/images"])], async (root) => {
    const warnings = async (path: string, numClasses?: number, classNames?: readonly string[]) =>
      (await openImageFolder(`${root}/${path}`, { model: numClasses ? { numClasses, classNames } : undefined }))
        .warnings;
    assertEquals(await warnings("set", 1000), [
      `${root}/set: 2 class folders ("train", "val"), the model has 1000 classes; is ${root}/set/val meant, which has 3 ` +
      "folders?",
    ]);
    assertEquals(await warnings("set", 2), [
      `${root}/set: its folders "train", "val" are called like parts of a data set; is ${root}/set/val meant, which has ` +
      "3 folders?",
    ]);
    assertEquals(await warnings("set"), await warnings("set", 2));
    assertEquals(await warnings("set", 2, ["val", "train"]), []);
    assertEquals(await warnings(".", 3), [
      `${root}/.: 2 class folders ("set", "tiny"), the model has 3 classes; is ${root}/./set/val meant, which has 3 folders?`,
    ]);
    assertEquals(await warnings("tiny/ant", 2), [
      `${root}/tiny/ant: 1 class folder ("images"), the model has 2 classes; is ${root}/tiny meant, which has 2 folders?`,
    ]);
    assertEquals(await warnings("tiny/ant"), [
      `${root}/tiny/ant: 1 class folder ("images"), a network needs at least 2 classes`,
    ]);
    for (const count of [undefined, 3]) assertEquals(await warnings("set/val", count), []);
    assertEquals(await warnings("set/val", 3, ["bee", "cat", "ant"]), []);
    assertEquals(await warnings("set/val", 4), [
      `${root}/set/val: 3 class folders ("ant", "bee", "cat"), the model has 4 classes`,
    ]);
    await writeFiles(`${root}/set`, ["annotations/list.csv"]);
    await assertRejects(() => warnings("set", 3), DataError, `move away what is none; is ${root}/set/val meant`);
  });
});

Deno.test("byCodePoint() sorts as Python does where UTF-16 units would not", () => {
  const sorted = ["B", "a", "ab", "a\u{10000}", "a\u{1F600}", "\ud7ff", "\ue000", "\uFF21", "\u{10000}", "\u{1F600}"];
  assertEquals(sorted.toReversed().sort(byCodePoint), sorted);
});
