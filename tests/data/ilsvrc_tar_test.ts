import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { decodeImage } from "../../src/data/decoding/decode.ts";
import { openIlsvrcTar } from "../../src/data/datasets/ilsvrc_tar.ts";
import { listTar } from "../../src/data/files/tar.ts";
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
        // The archive contains them in reverse order.
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

Deno.test("openIlsvrcTar() understands the development kit's numbers, and says so if they could be class indices", async () => {
  const labels = fixture("ilsvrc_devkit/ILSVRC2012_validation_ground_truth.txt");
  const dataset = await openIlsvrcTar(fixture("ilsvrc_ustar.tar"), labels);
  assertEquals([0, 1, 2].map((i) => dataset.item(i).label), [65, 970, 230]);
  assertEquals(dataset.notes?.length, 1);
  assertStringIncludes(dataset.notes![0], "read as the development kit's, 1 to 1000");
  dataset.close();
  await withFile("490\n361\n1000\n", async (certain) => {
    const dataset = await openIlsvrcTar(fixture("ilsvrc_ustar.tar"), certain);
    assertEquals(dataset.notes, undefined);
    dataset.close();
  });
  await withFile("490\n0\n171\n", async (indices) => {
    const open = () => openIlsvrcTar(fixture("ilsvrc_ustar.tar"), indices);
    await assertRejects(
      open,
      DataError,
      "line 2: expected a WordNet id of ImageNet-1k or the development kit's number",
    );
  });
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

for (const kind of ["pax", "gnu"]) {
  Deno.test(`listTar() reads names of more than 100 characters as ${kind} writes them`, async () => {
    const bytes = await Deno.readFile(fixture(`long_names_${kind}.tar`));
    const members = listTar(readerOf(bytes), bytes.length, "x.tar");
    const names = ["a".repeat(120) + "/1.JPEG", "short.JPEG", "\u00fc".repeat(80) + "/" + "b".repeat(90) + "/2.JPEG"];
    assertEquals(members.map(({ name }) => name), names);
    // A member holds its name.
    const contents = members.map(({ offset, size }) => new TextDecoder().decode(bytes.subarray(offset, offset + size)));
    assertEquals(contents, names);
  });
}

Deno.test("listTar() reads sizes in binary, and refuses sizes that are none", async () => {
  const bytes = await Deno.readFile(fixture("ilsvrc_ustar.tar"));
  const [{ size }] = listTar(readerOf(bytes), bytes.length, "x.tar");
  bytes.fill(0, 124, 136);
  new DataView(bytes.buffer).setUint32(132, size);
  bytes[124] = 0x80;
  bytes.set(new TextEncoder().encode(checksum(bytes)), 148);
  assertEquals(listTar(readerOf(bytes), bytes.length, "x.tar")[0].size, size);
  bytes[125] = 1;
  bytes.set(new TextEncoder().encode(checksum(bytes)), 148);
  assertThrows(() => listTar(readerOf(bytes), bytes.length, "x.tar"), DataError, "the tar file is truncated");
});

Deno.test("openIlsvrcTar() refuses names of images that are not UTF-8, as Windows packed them, and passes over others", async () => {
  const bytes = await Deno.readFile(fixture("ilsvrc_ustar.tar"));
  const rename = (name: string) => {
    bytes.fill(0, 0, 100);
    bytes.set(Uint8Array.from(name, (c) => c.charCodeAt(0)), 0);
    bytes.set(new TextEncoder().encode(checksum(bytes)), 148);
  };
  rename("val/caf\xe9.JPEG");
  await withFile("n01440764\nn15075141\nn02123045\n", async (labels) => {
    const open = () => withFile(bytes, async (path) => (await openIlsvrcTar(path, labels)).close());
    await assertRejects(open, DataError, 'the name "val/caf\ufffd.JPEG" in the tar file is not UTF-8');
  });
  rename("val/caf\xe9.txt");
  await withFile("n01440764\nn15075141\n", async (labels) => {
    await withFile(bytes, async (path) => {
      const dataset = await openIlsvrcTar(path, labels);
      assertEquals(dataset.length, 2);
      dataset.close();
    });
  });
});

function readerOf(bytes: Uint8Array): (into: Uint8Array, offset: number) => void {
  return (into, offset) => into.set(bytes.subarray(offset, offset + into.length));
}
