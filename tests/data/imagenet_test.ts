import { assertEquals } from "@std/assert";
import { IMAGENET_NAMES, IMAGENET_WORDNET_IDS, imagenetIndex } from "../../src/data/imagenet.ts";

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
