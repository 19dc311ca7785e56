import { assertEquals } from "@std/assert";
import { ilsvrcIndex } from "../../src/data/labels/ilsvrc_ids.ts";
import { IMAGENET_NAMES, IMAGENET_WORDNET_IDS, imagenetIndex } from "../../src/data/labels/imagenet.ts";

Deno.test("the ImageNet classes are 1000 different WordNet ids in sorted order", () => {
  assertEquals(IMAGENET_WORDNET_IDS.length, 1000);
  assertEquals(new Set(IMAGENET_WORDNET_IDS).size, 1000);
  assertEquals([...IMAGENET_WORDNET_IDS].sort(), [...IMAGENET_WORDNET_IDS]);
  assertEquals(IMAGENET_WORDNET_IDS.every((id) => /^n\d{8}$/.test(id)), true);
  assertEquals(IMAGENET_NAMES.every((name) => name.length > 0), true);
});

Deno.test("imagenetIndex() knows classes that are well known, and those that share a name", () => {
  const known = { n01440764: 0, n02012849: 134, n02123045: 281, n03126707: 517, n07753592: 954, n15075141: 999 };
  for (const [id, index] of Object.entries(known)) assertEquals(imagenetIndex(id), index, id);
  assertEquals(IMAGENET_NAMES[0], "tench, Tinca tinca");
  assertEquals(IMAGENET_NAMES[281], "tabby, tabby cat");
  assertEquals(IMAGENET_NAMES[954], "banana");
  assertEquals([IMAGENET_NAMES[134], IMAGENET_NAMES[517]], ["crane", "crane"]);
  assertEquals(imagenetIndex("n00000000"), undefined);
});

Deno.test("ilsvrcIndex() gives each of the development kit's numbers a class of its own", () => {
  const indices = Array.from({ length: 1000 }, (_, i) => ilsvrcIndex(i + 1)!);
  assertEquals(indices.toSorted((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  for (const number of [0, 1001, -1, 1.5]) assertEquals(ilsvrcIndex(number), undefined);
});

Deno.test("ilsvrcIndex() knows the classes of the first validation images, and those that share a name", () => {
  // The first ten lines of the development kit's ground truth, and the class indices with which the images are
  // published.
  const first = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164];
  assertEquals(first.map(ilsvrcIndex), [65, 970, 230, 809, 516, 57, 334, 415, 674, 332]);
  const known = { 1: "n02119789", 10: "n02123394", 429: "n02012849", 449: "n01440764", 545: "n03126707" };
  const last = { 782: "n03710637", 889: "n15075141", 977: "n03710721", 1000: "n03255030" };
  for (const [number, id] of Object.entries({ ...known, ...last })) {
    assertEquals(IMAGENET_WORDNET_IDS[ilsvrcIndex(Number(number))!], id);
  }
});
