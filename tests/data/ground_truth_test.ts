import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readText } from "../../src/data/files/read.ts";
import { readGroundTruth } from "../../src/data/labels/ground_truth.ts";
import { openIlsvrcTar } from "../../src/data/datasets/ilsvrc_tar.ts";
import { DataError } from "../../src/errors.ts";
import { withFiles } from "../support/folders.ts";

const names = ["ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG"];

Deno.test("readGroundTruth() reads names with ids or indices in any order, more than there are images too", () => {
  const text = `val/${names[1]} n01440764\r\nILSVRC2012_val_00000003.JPEG 5\n${names[0]}\t999\n`;
  assertEquals(readGroundTruth(text, names, "truth.txt"), [999, 0]);
});

Deno.test("readGroundTruth() refuses what is not certain", () => {
  const refused = (text: string, message: string) =>
    assertThrows(() => readGroundTruth(text, names, "truth.txt"), DataError, message);
  refused("0\n361\n", `expected a WordNet id of ImageNet-1k or the development kit's number 1..1000, found "0"`);
  refused("1001\n361\n", 'found "1001"');
  refused("n01440764\n", "1 lines for 2 images");
  refused(
    "n01440764\nn99999999\n",
    "line 2: expected a WordNet id of ImageNet-1k or the development kit's number 1..1000, found \"n9999",
  );
  refused(`${names[0]} 1000\n${names[1]} 1\n`, "line 1");
  refused(`${names[0]} 1\nother.JPEG 2\n`, `no line for the image ${names[1]}`);
  refused(`${names[0]} 1\n${names[1]} 2\n\n${names[0]} 3\n`, "line 4: ");
  refused(
    `${names[0]},1\n${names[1]},1.5\n`,
    'line 2: expected a WordNet id of ImageNet-1k or a class index 0..999, found "1.5"',
  );
  refused(`${names[0]},1,2\n${names[1]},1,2\n`, "it is not clear which of 3 columns is the class");
  refused(`0\t1\t2\t${names[0]}\n1\t1\t2\t${names[1]}\n`, "it is not clear which of 4 columns is the class");
  refused(`ImageId,PredictionString\n${STEMS[0]},n01440764 1 2 3 4 n15075141 1 2 3 4\n`, 'found "n01440764 1 2');
});

const STEMS = names.map((name) => name.replace(".JPEG", ""));

/** Every format that the messages name, with the same two classes, 0 and 65. */
const FORMS: Record<string, string> = {
  "CSV with a header": `filename,label\n${names[1]},65\n${names[0]},0\n`,
  "CSV with other columns": `id,image,wnid,width\n1,val/${names[1]},n01751748,500\n2,val/${names[0]},n01440764,400\n`,
  "CSV with the class first": `class,file\n65,${names[1]}\n0,${names[0]}\n`,
  "CSV without a header": `${names[0]},n01440764\n${names[1]},n01751748\n`,
  "CSV with quotes, semicolons and a byte order mark": `\ufeff"image";"class_id"\r\n"${STEMS[0]}";"0"\r\n"${
    STEMS[1]
  }";"65"\r\n`,
  "Kaggle's LOC_val_solution.csv": `ImageId,PredictionString\n${STEMS[1]},n01751748 85 1 499 272 n01751748 1 1 9 9 \n${
    STEMS[0]
  },n01440764 0 14 299 194 \n`,
  "MXNet's .lst": `0\t65.000000\tval/${names[1]}\n1\t0.000000\tval/${names[0]}\n`,
  "Caffe's val.txt": `${names[0]} 0\n${names[1]} 65\n`,
  "names, ids and words": `${names[0]} n01440764 tench\n${names[1]} n01751748 sea snake\n`,
  "names and numbers by tabs, with a header": `name\tlabel\n${names[0]}\t0\n${names[1]}\t65\n`,
  "Windows' folders": `val\\${names[0]},0\nval\\${names[1]},65\n`,
  "the development kit's numbers": "449\n490\n",
  "WordNet ids": "n01440764\nn01751748\n",
  "WordNet ids with a header": "wnid\nn01440764\n\nn01751748",
};

for (const [form, text] of Object.entries(FORMS)) {
  Deno.test(`readGroundTruth() reads ${form}`, () => {
    assertEquals(readGroundTruth(new TextDecoder().decode(new TextEncoder().encode(text)), names, "truth"), [0, 65]);
  });
}

Deno.test("readGroundTruth() names the forms that it takes where it is given another one", () => {
  for (const text of ['{"a.JPEG": 1}', "", "a.JPEG\nb.JPEG\n", "a.JPEG 1\nb.JPEG 2\n", "<xml/>\n<xml/>"]) {
    const error = assertThrows(() => readGroundTruth(text, names, "truth.txt"), DataError);
    for (const part of ["truth.txt", "NAME and WordNet id", "Kaggle's", ".lst of MXNet", "development kit's"]) {
      assertEquals(error.message.includes(part), true, error.message);
    }
  }
});

Deno.test("readText() reads what Windows' shell writes, UTF-16 with its mark", async () => {
  await withFiles(["little.txt", "big.txt"], async (root) => {
    const units = Uint16Array.from("\ufeffn01440764\r\n", (c) => c.charCodeAt(0));
    for (const [name, isLittle] of [["little", true], ["big", false]] as const) {
      const bytes = new DataView(new ArrayBuffer(2 * units.length));
      units.forEach((unit, i) => bytes.setUint16(2 * i, unit, isLittle));
      await Deno.writeFile(`${root}/${name}.txt`, new Uint8Array(bytes.buffer));
      assertEquals(await readText(`${root}/${name}.txt`), "n01440764\r\n");
    }
  });
});

Deno.test("files whose names are not UTF-8 are missing for that reason", async () => {
  await assertRejects(() => readText("/x/caf\ufffd.txt"), DataError, "no such file or folder (its name is not UTF-8");
  await assertRejects(
    () => openIlsvrcTar("x.tar", "/x/\ufffd"),
    DataError,
    "no such file or folder (its name is not UTF-8",
  );
});
