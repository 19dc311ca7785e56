import { assert, assertEquals, assertRejects } from "@std/assert";
import { decodeImage } from "../../src/data/decoding/decode.ts";
import { decodeParsedJpeg } from "../../src/data/decoding/jpeg/decoder.ts";
import { parseJpeg } from "../../src/data/decoding/jpeg/markers.ts";
import { crc32 } from "../../src/crc32.ts";
import { DataError } from "../../src/errors.ts";
import { files, readFixture, refused, sha256 } from "./expected.ts";

const names = Object.keys(files);

Deno.test("the fixtures hold every kind of file the decoders tell apart", () => {
  const kinds = ["progressive", "440", "cmyk", "ycck", "restart", "interlaced", "16bit", "lossless", "animated"];
  for (const kind of [...kinds, ".bmp", ".gif", ".tif", ".pbm", ".pgm", ".ppm"]) {
    assert(names.some((name) => name.includes(kind)), kind);
  }
});

for (const name of names) {
  Deno.test(`decodeImage() gives PIL's bytes for ${name}`, async () => {
    const { width, height, data } = await decodeImage(await readFixture(name), name);
    assertEquals({ width, height, sha256: await sha256(data) }, files[name]);
  });
}

Deno.test("decodeImage() refuses what PIL refuses, naming the file", async () => {
  for (const name of refused) {
    await assertRejects(async () => decodeImage(await readFixture(name), name), DataError, name);
  }
});

Deno.test("decodeParsedJpeg() gives PIL's bytes for every JPEG, the WASM decoder's included", async () => {
  for (const name of names.filter((name) => name.endsWith(".jpg"))) {
    const { width, height, data } = decodeParsedJpeg(parseJpeg(await readFixture(name), name), name);
    assertEquals({ width, height, sha256: await sha256(data) }, files[name], name);
  }
});

Deno.test("decodeImage() goes by content when the name says otherwise", async () => {
  const { data } = await decodeImage(await readFixture("photo.png"), "n02105855_2933.JPEG");
  assertEquals(await sha256(data), files["photo.png"].sha256);
});

Deno.test("decodeImage() takes a view that does not start its buffer", async () => {
  for (const name of ["grey.jpg", "cmyk_plain.jpg", "photo.png", "lossy.webp", "lossless.webp"]) {
    const bytes = await readFixture(name);
    const shifted = new Uint8Array(bytes.length + 7);
    shifted.set(bytes, 3);
    const { data } = await decodeImage(shifted.subarray(3, 3 + bytes.length), name);
    assertEquals(await sha256(data), files[name].sha256, name);
  }
});

Deno.test("decodeImage() refuses truncated files of every format, naming them", async () => {
  const kinds = ["65x49_420_baseline.jpg", "65x49_420_progressive.jpg", "grey.jpg", "cmyk_plain.jpg", "photo.png"];
  for (const name of [...kinds, "type2_8bit_interlaced.png", "lossy.webp", "lossless.webp"]) {
    const bytes = await readFixture(name);
    // PNG's last 20 bytes are its end chunk and two checksums, which PIL does not miss either.
    const whole = bytes.length - (name.endsWith(".png") ? 20 : 0);
    for (const length of [1, 20, whole >> 1, whole - 2]) {
      await assertRejects(() => decodeImage(bytes.slice(0, length), name), DataError, name);
    }
  }
});

Deno.test("decodeImage() works after a file that made the WASM decoder give up", async () => {
  for (const name of ["grey.jpg", "lossy.webp"]) {
    const bytes = await readFixture(name);
    const broken = bytes.slice();
    // Behind the headers that are checked first: a JPEG's Huffman tables, a WebP's partitions.
    if (name.endsWith(".jpg")) broken.copyWithin(broken.indexOf(0xc4) + 2, 0, 40);
    else broken.fill(0xff, 30, 60);
    await assertRejects(() => decodeImage(broken, name), DataError, name);
    const { data } = await decodeImage(bytes, name);
    assertEquals(await sha256(data), files[name].sha256);
  }
});

Deno.test("decodeImage() refuses sizes beyond PIL's limit before it decodes", async () => {
  const png = await readFixture("photo.png");
  new DataView(png.buffer).setUint32(16, 20_000);
  new DataView(png.buffer).setUint32(20, 20_000);
  new DataView(png.buffer).setUint32(29, crc32(png.subarray(12, 29)));
  await assertRejects(() => decodeImage(png, "bomb.png"), DataError, "20000x20000 = 400000000 pixels");

  const jpeg = await readFixture("grey.jpg");
  jpeg.fill(0xff, jpeg.indexOf(0xc0) + 4, jpeg.indexOf(0xc0) + 8);
  await assertRejects(() => decodeImage(jpeg, "bomb.jpg"), DataError, "65535x65535");

  const webp = await readFixture("lossless_alpha.webp");
  assertEquals(String.fromCharCode(...webp.subarray(12, 16)), "VP8L");
  webp.set([0xff, 0xff, 0xff, 0x0f], 21);
  await assertRejects(() => decodeImage(webp, "bomb.webp"), DataError, "16384x16384");
});

Deno.test("decodeImage() refuses a JPEG whose scan lacks a table, whatever range of coefficients the scan claims", async () => {
  const bytes = await readFixture("cmyk_plain.jpg");
  const scan = bytes.findLastIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
  // Four components, each with tables of its own; then first and last coefficient and the bits' position.
  for (let i = 0; i < 4; i++) bytes[scan + 6 + 2 * i] |= 3;
  bytes.fill(0, scan + 13, scan + 16);
  await assertRejects(() => decodeImage(bytes, "a.jpg"), DataError, "a scan without its Huffman table");
});

Deno.test("decodeImage() refuses images that claim more pixels than their bytes can hold, before it takes memory", async () => {
  const cases: [file: string, claim: (bytes: Uint8Array<ArrayBuffer>, view: DataView) => void][] = [
    [
      "grey.jpg",
      (bytes) => bytes.set([0x20, 0, 0x20, 0], bytes.findIndex((b, i) => b === 0xff && bytes[i + 1] === 0xc0) + 5),
    ],
    ["type0_1bit.png", (bytes, view) => {
      view.setUint32(16, 10_000);
      view.setUint32(20, 10_000);
      view.setUint32(29, crc32(bytes.subarray(12, 29)));
    }],
    ["lossy.webp", (_, view) => view.setUint32(26, 0x20002000, true)],
  ];
  for (const [name, claim] of cases) {
    const bytes = await readFixture(name);
    claim(bytes, new DataView(bytes.buffer));
    await assertRejects(() => decodeImage(bytes, name), DataError, "truncated?");
  }
});

Deno.test("decodeImage() refuses what a few bytes of any format claim, before it takes memory", async () => {
  const cases: [file: string, at: number, claim: number[], message: string][] = [
    // Columns and rows, of 4 bytes each, of 2 or as text.
    ["odd_24bit.bmp", 18, [0, 0x40, 0, 0, 0, 0x20, 0, 0], "truncated"],
    ["odd_24bit.bmp", 18, [0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0], "image too large"],
    ["odd_runs.bmp", 18, [0, 0x40, 0, 0, 0, 0x20, 0, 0], "truncated?"],
    ["odd_whole.gif", 6, [0, 0x40, 0, 0x20], "truncated?"],
    ["odd_whole.gif", 6, [0xff, 0xff, 0xff, 0xff], "image too large"],
    ["odd_255.ppm", 3, [...new TextEncoder().encode("9999 9999 255 ")], "truncated"],
    ["odd_text_255.pgm", 3, [...new TextEncoder().encode("9999 9999 255 ")], "truncated"],
    ["odd_animated_part.webp", 24, [0xff, 0x2f, 0, 0xff, 0x2f, 0], "truncated?"],
  ];
  for (const [name, at, claim, message] of cases) {
    const bytes = await readFixture(name);
    bytes.set(claim, at);
    await assertRejects(() => decodeImage(bytes, name), DataError, message);
  }
  const tiff = await readFixture("odd_orientation_1.tif");
  const view = new DataView(tiff.buffer);
  const directory = view.getUint32(4, true);
  // The first two entries are columns and rows.
  for (const entry of [0, 1]) view.setUint32(directory + 2 + 12 * entry + 8, 10_000, true);
  await assertRejects(() => decodeImage(tiff, "a.tif"), DataError, "truncated?");
});

Deno.test("decodeImage() refuses a JPEG of very many scans", async () => {
  const bytes = await readFixture("65x49_420_progressive.jpg");
  const scan = bytes.findLastIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
  const last = [...bytes.subarray(scan, -2)];
  const many = Uint8Array.from([...bytes.subarray(0, -2), ...Array(200).fill(last).flat(), 0xff, 0xd9]);
  await assertRejects(() => decodeImage(many, "a.jpg"), DataError, "scans, at most 100");
});

Deno.test("decodeImage() refuses a PNG whose palette was damaged", async () => {
  const bytes = await readFixture("palette.png");
  bytes[bytes.findIndex((_, i) => String.fromCharCode(...bytes.subarray(i, i + 4)) === "PLTE") + 5] ^= 1;
  await assertRejects(() => decodeImage(bytes, "a.png"), DataError, "wrong checksum of its PLTE chunk");
});

Deno.test("decodeImage() says what it found where that is no image", async () => {
  await assertRejects(() => decodeImage(new Uint8Array(), "empty.jpg"), DataError, "an empty file");
  await assertRejects(() => decodeImage(Uint8Array.of(1, 2, 0xab), "a.jpg"), DataError, "found bytes 01 02 ab");
});

Deno.test("decodeImage() names the formats that it does not read, and what to do", async () => {
  const cases: [head: string, format: string][] = [
    ["II+\0\x08\0\0\0", "BigTIFF (re-save"],
    ["MM\0+\0\x08\0\0", "BigTIFF (re-save"],
    ["\0\0\0\x20ftypavif\0\0\0\0", "AVIF (re-save"],
    ["\0\0\0\x18ftypheic\0\0\0\0", "HEIC (re-save"],
    ["\0\0\0\x20ftypisom\0\0\0\0", "MP4 or QuickTime (it is no image"],
    ["\xff\x0a\x16\x07", "JPEG XL (re-save"],
    ["\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL (re-save"],
    ["\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000 (re-save"],
    ["8BPS\0\x01", "Photoshop (re-save"],
    ["P7\nWIDTH 3\n", "PAM or PFM (re-save"],
    ['<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="">', "SVG (draw it"],
    ["\n<!doctype html><title>404</title>", "HTML (a download may have gone wrong"],
    ["%PDF-1.7", "PDF (it is no image"],
    ["version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer (fetch what it stands for"],
    ["\0\x05\x16\x07\0\x02\0\0", "AppleDouble (what macOS adds as ._NAME)"],
  ];
  for (const [head, format] of cases) {
    const bytes = Uint8Array.from(head, (char) => char.charCodeAt(0));
    await assertRejects(() => decodeImage(bytes, "x.jpg"), DataError, `found a file of the format ${format}`);
  }
});

Deno.test("decodeImage() refuses arithmetic coding by its name", async () => {
  const bytes = await readFixture("65x49_420_baseline.jpg");
  bytes[bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0) + 1] = 0xc9;
  await assertRejects(() => decodeImage(bytes, "a.jpg"), DataError, "arithmetic coding");
});
