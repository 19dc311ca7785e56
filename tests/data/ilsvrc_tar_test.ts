import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decodeImage } from "../../src/data/decode.ts";
import { readDevkitClasses, readGroundTruth } from "../../src/data/ground_truth.ts";
import { openIlsvrcTar } from "../../src/data/ilsvrc_tar.ts";
import { DataError } from "../../src/errors.ts";
import { files, sha256 } from "./expected.ts";

const fixture = (name: string) => decodeURIComponent(new URL(`../fixtures/${name}`, import.meta.url).pathname);

async function withFile(content: string | Uint8Array, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

for (const tar of ["ilsvrc_ustar.tar", "ilsvrc_pax.tar"]) {
  Deno.test(`openIlsvrcTar() reads ${tar} in the order of the names`, async () => {
    await withFile("n01440764\nn15075141\nn02123045\n", async (labels) => {
      const dataset = await openIlsvrcTar(fixture(tar), labels);
      try {
        assertEquals([0, 1, 2].map((i) => dataset.item(i)), [
          { file: "val/ILSVRC2012_val_00000001.JPEG", label: 0 },
          { file: "val/ILSVRC2012_val_00000002.JPEG", label: 999 },
          { file: "val/ILSVRC2012_val_00000003.JPEG", label: 281 },
        ]);
        // The archive holds them the other way round.
        const images = await Promise.all([0, 1, 2].map(async (i) => decodeImage(await dataset.load(i) as never, "")));
        const digests = await Promise.all(images.map(({ data }) => sha256(data)));
        const names = ["cmyk_plain.jpg", "grey.jpg", "65x49_420_baseline.jpg"];
        assertEquals(digests, names.map((name) => files[name].sha256));
      } finally {
        dataset.close();
      }
    });
  });
}

Deno.test("openIlsvrcTar() understands the development kit's numbers with its class table beside them", async () => {
  const labels = fixture("ilsvrc_devkit/ILSVRC2012_validation_ground_truth.txt");
  const dataset = await openIlsvrcTar(fixture("ilsvrc_ustar.tar"), labels);
  assertEquals([0, 1, 2].map((i) => dataset.item(i).label), [611, 0, 389]);
  dataset.close();
});

Deno.test("openIlsvrcTar() refuses the development kit's numbers without its class table", async () => {
  await withFile("490\n361\n171\n", async (labels) => {
    const open = () => openIlsvrcTar(fixture("ilsvrc_ustar.tar"), labels);
    await assertRejects(open, DataError, "need the kit's meta.mat beside it");
  });
});

Deno.test("readDevkitClasses() refuses damaged tables and other MAT files", async () => {
  const whole = await Deno.readFile(fixture("ilsvrc_devkit/meta.mat"));
  await assertRejects(() => readDevkitClasses(new Uint8Array(200), "meta.mat"), DataError, "not a MAT file");
  await assertRejects(() => readDevkitClasses(whole.slice(0, 128), "meta.mat"), DataError, 'no struct array "synsets"');
  await assertRejects(() => readDevkitClasses(whole.slice(0, -9), "meta.mat"), DataError, "damaged MAT file");
  const flipped = whole.slice();
  flipped.fill(0x55, flipped.length - 2000, flipped.length - 1900);
  await assertRejects(() => readDevkitClasses(flipped, "meta.mat"), DataError, "damaged MAT file");
});

Deno.test("openIlsvrcTar() asks for the classes", async () => {
  await assertRejects(() => openIlsvrcTar(fixture("ilsvrc_ustar.tar")), DataError, "--labels FILE");
});

Deno.test("openIlsvrcTar() refuses truncated, damaged and foreign files, naming them", async () => {
  const whole = await Deno.readFile(fixture("ilsvrc_ustar.tar"));
  const damaged = whole.slice();
  damaged[3] ^= 1;
  const huge = whole.slice();
  huge.set(new TextEncoder().encode("77777777777"), 124);
  huge.set(new TextEncoder().encode(checksum(huge)), 148);
  const cases = [
    [whole.slice(0, 1200), "the tar file is truncated"],
    [damaged, "wrong header checksum"],
    [huge, "needs 8589934591 bytes"],
    [new Uint8Array(1024).fill(65), "not a tar file"],
    [new Uint8Array(1024), "no JPEG files"],
  ] as const;
  for (const [bytes, message] of cases) {
    await withFile(bytes, async (path) => {
      const error = await assertRejects(() => openIlsvrcTar(path, fixture("images.json")), DataError, message);
      assertEquals(error.message.startsWith(path), true);
    });
  }
});

function checksum(tar: Uint8Array): string {
  const sum = tar.subarray(0, 512).reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  return sum.toString(8).padStart(6, "0") + "\0";
}

const names = ["ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG"];

Deno.test("readGroundTruth() reads names with ids or indices in any order, more than there are images too", () => {
  const text = `val/${names[1]} n01440764\r\nILSVRC2012_val_00000003.JPEG 5\n${names[0]}\t999\n`;
  assertEquals(readGroundTruth(text, names, "truth.txt"), [999, 0]);
});

Deno.test("readGroundTruth() refuses what is not certain", () => {
  const refused = (text: string, message: string) =>
    assertThrows(() => readGroundTruth(text, names, "truth.txt"), DataError, message);
  refused("490\n361\n", 'expected a WordNet id of ImageNet-1k, found "490"');
  refused("n01440764\n", "1 lines for 2 images");
  refused("n01440764\nn99999999\n", 'line 2: expected a WordNet id of ImageNet-1k, found "n9999');
  refused(`${names[0]} 1000\n${names[1]} 1\n`, "line 1");
  refused(`${names[0]} 1\nother.JPEG 2\n`, `no line for the image ${names[1]}`);
});
