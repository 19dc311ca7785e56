import { assertEquals, assertRejects } from "@std/assert";
import { isCifar10Folder, openCifar10 } from "../../src/data/datasets/cifar10.ts";
import { CIFAR10_NAMES } from "../../src/data/labels/cifar10_names.ts";
import { openDataset } from "../../src/data/datasets/open.ts";
import type { RgbImage } from "../../src/data/pixels/image.ts";
import { DataError } from "../../src/errors.ts";
import { encodePng } from "../support/write_png.ts";
import { formulaImage } from "./formula_image.ts";

const labels = Array.from({ length: 10_000 }, (_, i) => (i * 7) % 10);

async function withSheets(
  sheet: RgbImage | null,
  written: unknown,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/test_lables.json`, JSON.stringify(written));
    if (sheet) await Deno.writeFile(`${folder}/test_batch.png`, encodePng(sheet));
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openCifar10() cuts row i of the sheet into image i", async () => {
  const sheet = blank(1024, 10_000);
  const row = formulaImage(1024, 1).data;
  sheet.data.set(row, 9_999 * 1024 * 3);
  await withSheets(sheet, labels, async (folder) => {
    assertEquals(await isCifar10Folder(folder), true);
    const dataset = await openDataset(folder);
    assertEquals([dataset.name, dataset.length, dataset.numClasses], ["cifar10 (test)", 10_000, 10]);
    assertEquals(dataset.item(9_999), { file: "test/09999", label: labels[9_999] });
    const image = await dataset.load(9_999) as RgbImage;
    assertEquals([image.width, image.height], [32, 32]);
    assertEquals(image.data, row);
    assertEquals((await dataset.load(9_998) as RgbImage).data, new Uint8Array(3072));
    dataset.close();
  });
});

Deno.test("openCifar10() refuses sheets and labels of the wrong size", async () => {
  await withSheets(blank(32, 32), labels, async (folder) => {
    const dataset = await openCifar10(folder);
    await assertRejects(() => dataset.load(0), DataError, "it is 32x32, expected 1024x10000");
    await assertRejects(() => openCifar10(folder, "train"), DataError, "train_lables.json: no such file");
  });
  await withSheets(null, [...labels.slice(1), 10], async (folder) => {
    await assertRejects(() => openCifar10(folder), DataError, "expected an array of 10000 class numbers 0..9");
  });
  await withSheets(null, labels, async (folder) => {
    await assertRejects(async () => await (await openCifar10(folder)).load(0), DataError, "test_batch.png: no such");
  });
});

Deno.test("the CIFAR-10 classes are ten, from airplane to truck", () => {
  assertEquals([CIFAR10_NAMES.length, CIFAR10_NAMES[0], CIFAR10_NAMES[9]], [10, "airplane", "truck"]);
});

function blank(width: number, height: number): RgbImage {
  return { width, height, data: new Uint8Array(width * height * 3) };
}
