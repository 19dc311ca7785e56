import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { byCodePoint } from "../../src/data/files/by_code_point.ts";
import { type ModelClasses, numberFolders } from "../../src/data/labels/class_numbers.ts";
import { IMAGENET_NAMES, IMAGENET_WORDNET_IDS } from "../../src/data/labels/imagenet.ts";
import { DataError } from "../../src/errors.ts";

const TEN = IMAGENET_WORDNET_IDS.filter((_, i) => i % 100 === 7);
const NUMBERS = Array.from({ length: 12 }, (_, i) => String(i));
const WORDS = NUMBERS.map((number) => `word ${number}`);

function numbersOf(folders: readonly string[], model?: ModelClasses) {
  const sorted = folders.toSorted(byCodePoint);
  const { indexOf, classes, note, doubt } = numberFolders("set", sorted, model);
  // Classes have the names of their folders, except for ImageNet's and for those of a model with its own names.
  for (const [folder, index] of indexOf) {
    if (classes !== IMAGENET_NAMES && classes !== model?.classNames) assertEquals(classes[index], folder);
  }
  return { labels: folders.map((folder) => indexOf.get(folder)), count: classes.length, note, doubt };
}

function refused(folders: readonly string[], model: ModelClasses | undefined, message: string): void {
  assertThrows(() => numbersOf(folders, model), DataError, message);
}

Deno.test("numberFolders() gives WordNet folders as many classes as they are, or ILSVRC's where the model has 1000", () => {
  const own = TEN.map((_, i) => i), ilsvrc = TEN.map((_, i) => 100 * i + 7);
  for (const model of [undefined, { numClasses: 10 }, { numClasses: 21, adapts: true }]) {
    const { labels, count, note, doubt } = numbersOf(TEN, model);
    assertEquals([labels, count, doubt], [own, 10, undefined]);
    assertStringIncludes(
      note!,
      "WordNet ids, numbered 0 to 9 in the order of their names; a model of 1000 classes would",
    );
  }
  for (const model of [{ numClasses: 1000 }, { numClasses: 1000, adapts: true, classNames: IMAGENET_NAMES }]) {
    const { labels, count, note, doubt } = numbersOf(TEN, model);
    assertEquals([labels, count, doubt], [ilsvrc, 1000, undefined]);
    assertStringIncludes(note!, `have their numbers in ILSVRC-2012: "${TEN[0]}" is class 7, "${TEN[1]}" is class 107`);
    assertEquals(note!.includes("--num-classes 10"), model.adapts === true);
  }
  // 1000 classes that are not ImageNet's.
  const classNames = Array.from({ length: 1000 }, (_, i) => `flower ${i}`);
  assertStringIncludes(
    numbersOf(TEN, { numClasses: 1000, classNames }).doubt!,
    "of ImageNet, the model's classes have",
  );
  assertEquals(numbersOf(TEN, { numClasses: 1000, classNames, adapts: true }).labels, own);
  refused(TEN, { numClasses: 9 }, "it has 10 class folders (");
  assertStringIncludes(numbersOf(TEN, { numClasses: 12 }).doubt!, "the model has 12 classes");
  assertEquals(numbersOf(TEN, { numClasses: 12 }).count, 12);
});

Deno.test("numberFolders() needs to say nothing of all 1000 WordNet folders", () => {
  for (const model of [undefined, { numClasses: 1000 }, { numClasses: 10, adapts: true }]) {
    const { labels, count, note, doubt } = numbersOf(IMAGENET_WORDNET_IDS, model);
    assertEquals([labels, count, note, doubt], [IMAGENET_NAMES.map((_, i) => i), 1000, undefined, undefined]);
  }
});

Deno.test("numberFolders() never changes the numbering because one of many folders differs: it names that one", () => {
  const others = [...IMAGENET_WORDNET_IDS.slice(0, 998), "new", "other"];
  for (const model of [{ numClasses: 1000 }, { numClasses: 1000, adapts: true }]) {
    refused(others, model, '998 of its 1000 folders are WordNet ids of ImageNet-1k, "new", "other" are not. Move away');
  }
  refused(["n01440764", "other"], { numClasses: 1000 }, '"other" is not.');
  refused(["n01440764", "n99999999"], { numClasses: 1000 }, '"n99999999" is not.');
  // A new model has a class for each, numbered as the WordNet folders alone are.
  const { labels, count, note } = numbersOf([...TEN, "other"]);
  assertEquals([labels, count], [[...TEN.map((_, i) => i), 10], 11]);
  assertStringIncludes(note!, 'the folders are WordNet ids but for "other", numbered 0 to 10');
  // 1000 classes of its own, one of them called like one of ImageNet's by chance.
  const own = Array.from({ length: 999 }, (_, i) => `own ${i}`);
  assertEquals(numbersOf(["n01440764", ...own], { numClasses: 1000 }).labels[0], 0);
  refused(
    ["cat", "dog", "unicorn"],
    { numClasses: 3, classNames: ["cat", "dog", "emu"] },
    '"unicorn" is no class of the',
  );
});

Deno.test("numberFolders() numbers numbers as ImageFolder does and says so where that is not the number", () => {
  const cases: [string[], number[], string][] = [
    [["0", "90", "180", "270"], [0, 3, 1, 2], '"180" is class 1, "270" is class 2'],
    [NUMBERS.slice(1), [0, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2], '"1" is class 0, "10" is class 1'],
    [NUMBERS, [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3], '"10" is class 2, "11" is class 3'],
    [["3", "5"], [0, 1], '"3" is class 0, "5" is class 1'],
    [["1", "01"], [1, 0], '"01" is class 0'],
  ];
  for (const [folders, expected, examples] of cases) {
    for (const model of [undefined, { numClasses: folders.length }]) {
      const { labels, count, note, doubt } = numbersOf(folders, model);
      assertEquals([labels, count, doubt], [expected, folders.length, undefined]);
      assertStringIncludes(note!, `as ImageFolder does, not by their numbers: ${examples}; --labels FILE`);
    }
  }
  for (const same of [NUMBERS.slice(0, 10), ["00", "01"], ["a", "b"]]) assertEquals(numbersOf(same).note, undefined);
});

Deno.test("numberFolders() numbers numbers by the model's word: its class names, or names that are no numbers", () => {
  const numeric = NUMBERS.map(Number);
  for (const adapts of [false, true]) {
    for (const classNames of [NUMBERS, WORDS]) {
      const { labels, note, doubt } = numbersOf(NUMBERS, { numClasses: 12, classNames, adapts });
      assertEquals([labels, doubt], [numeric, undefined]);
      assertStringIncludes(note!, '"10" is class 10');
    }
    const trained = { numClasses: 12, classNames: NUMBERS.toSorted(), adapts };
    const { labels, note } = numbersOf(NUMBERS, trained);
    assertEquals([labels, note], [NUMBERS.map((name) => NUMBERS.toSorted().indexOf(name)), undefined]);
  }
  const thousand = Array.from({ length: 1000 }, (_, i) => String(i));
  const { labels } = numbersOf(thousand, { numClasses: 1000, classNames: IMAGENET_NAMES });
  assertEquals(labels, thousand.map(Number));
  // Some of the numbers: the first ones are class numbers too, unless they are hardly any.
  const some = numbersOf(NUMBERS, { numClasses: 100, classNames: Array.from({ length: 100 }, (_, i) => `word ${i}`) });
  assertEquals([some.labels, some.doubt], [numeric, undefined]);
  const few = numbersOf(["0", "1"], { numClasses: 1000, classNames: IMAGENET_NAMES });
  assertStringIncludes(few.doubt!, '2 class folders ("0", "1"), the model has 1000 classes');
  assertStringIncludes(numbersOf(["0", "1"], { numClasses: 1000 }).doubt!, "the model has 1000 classes");
  assertEquals(numbersOf(["0", "1", "2"], { numClasses: 10 }).doubt, undefined);
});

Deno.test("numberFolders() takes the numbers of the classes that the folders are called like, however few", () => {
  const classNames = ["dog", "ant", "cat", "bee"];
  const { labels, count, note, doubt } = numbersOf(["bee", "dog"], { numClasses: 4, classNames });
  assertEquals([labels, count, doubt], [[3, 0], 4, undefined]);
  assertEquals(
    note,
    'set: the folders have the names of the model\'s classes, and their numbers: "bee" is class 3, "dog" is class 0',
  );
  const strangers = numbersOf(["x", "y", "z", "zz"], { numClasses: 4, classNames });
  assertStringIncludes(
    strangers.doubt!,
    'none of which has the name of a class of the model ("dog", "ant", "cat", "bee")',
  );
  assertStringIncludes(numbersOf(["x"], { numClasses: 4, classNames }).doubt!, "the model has 4 classes");
  const kept = numbersOf(["dog"], { numClasses: 4, classNames, adapts: true });
  assertEquals([kept.labels, kept.count], [[0], 4]);
  assertStringIncludes(kept.note!, '"dog" is class 0; --num-classes 1 trains a classifier of these alone');
  // Training from its weights is free to take other classes.
  for (const folders of [["bee", "x"], ["x", "y", "z", "zz"]]) {
    const other = numbersOf(folders, { numClasses: 4, classNames, adapts: true });
    assertEquals([other.labels, other.count, other.doubt], [folders.map((_, i) => i), folders.length, undefined]);
  }
  // Two classes of one name, as two of ImageNet's: nobody knows which is meant.
  refused(["a", "b"], { numClasses: 3, classNames: ["a", "b", "a"] }, '"a" is no class of the model');
});
