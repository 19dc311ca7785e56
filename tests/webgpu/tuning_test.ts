import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../../src/errors.ts";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import { variantsOf } from "../../src/webgpu/kernels/convolution/choice/variants.ts";
import { shapeOf } from "../../src/webgpu/tuning/candidates.ts";
import { adapterOf, tunedChoice } from "../../src/webgpu/tuning/choose.ts";
import { fastest, parseTuning, Tuning, type TuningOptions } from "../../src/webgpu/tuning/tuning.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { assertParity, withWebGpu } from "./support.ts";

const window = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1, activation: "relu" } as const;

/** Three convolutions, two of them with the same shape, and a dynamic one. */
function network(): RandomGraph {
  const g = new RandomGraph();
  const x = g.input("x", [2, 8, 9, 9]);
  let y = g.graph.apply(conv2d, "a", { x, weight: g.parameter("a", [8, 8, 3, 3]) }, window);
  y = g.graph.apply(conv2d, "b", { x: y, weight: g.parameter("b", [8, 8, 3, 3]) }, window);
  const operands = { x: y, weight: g.parameter("d", [1, 12, 8, 3, 3]), spatial: g.input("s", [2, 9]) };
  g.graph.output("y", g.graph.apply(dynamicConv2d, "d", operands, window));
  return g;
}

/** A tuning that writes down what it is told. */
function recorded(options: TuningOptions = {}): { tuning: Tuning; notices: string[]; kept: string[] } {
  const notices: string[] = [], kept: string[] = [];
  const tuning = new Tuning({
    ...options,
    notice: (line) => notices.push(line),
    onMeasured: (json) => void kept.push(json),
  });
  return { tuning, notices, kept };
}

Deno.test("compile() measures each shape once when told to tune, and what it keeps spares a fresh process the work", async () => {
  const first = recorded({ measure: true });
  const steps: number[][] = [];
  const tuning = new Tuning({ ...first.tuning.options, onProgress: (...step) => steps.push(step) });
  let adapter = "";
  await withWebGpu({ tuning }, async (backend) => {
    await assertParity(backend, "tuned", network(), 5e-6);
    await assertParity(backend, "tuned already", network(), 5e-6);
    adapter = adapterOf(backend);
  });
  assertEquals(first.notices, ["tuning measured the kernels of 2 shapes"]);
  assertEquals(first.kept.length, 1);
  assertEquals(steps, [[0, 2], [1, 2], [2, 2]]);

  const second = recorded({ measure: true });
  second.tuning.load(first.kept[0]);
  assertEquals(second.tuning.adapters, [adapter]);
  await withWebGpu({ tuning: second.tuning }, async (backend) => {
    await assertParity(backend, "known", network(), 5e-6);
  });
  assertEquals([second.notices, second.kept], [[], []]);
});

Deno.test("tunedChoice() takes every variant when it is known to be the fastest", async () => {
  await withWebGpu({}, async (backend) => {
    const { graph } = network();
    const { tuning: measuring, kept } = recorded({ measure: true });
    await tunedChoice(backend, graph, measuring);
    for (const node of graph.nodes) {
      const variants = variantsOf(node, backend.capabilities);
      assert(variants.length > 1);
      for (const wanted of variants) {
        const cache = JSON.parse(kept[0]);
        const { milliseconds } = cache.adapters[adapterOf(backend)][shapeOf(node)];
        for (const name of Object.keys(milliseconds)) milliseconds[name] = name === wanted.name ? 1 : 2;
        const { tuning } = recorded();
        tuning.load(JSON.stringify(cache));
        const choose = await tunedChoice(backend, graph, tuning);
        assertEquals(choose(node, variants).name, wanted.name);
      }
    }
  });
});

Deno.test("tunedChoice() guesses and says so in one line when the cache is of other kernels or another adapter", async () => {
  await withWebGpu({}, async (backend) => {
    const { graph } = network();
    const node = graph.nodes[0];
    const variants = variantsOf(node, backend.capabilities);
    const slowest = Object.fromEntries(variants.map(({ name }, i) => [name, i === variants.length - 1 ? 1 : 2]));
    const cache = (adapter: string, milliseconds: Record<string, number>, source = "0".repeat(64)) =>
      JSON.stringify({
        format: "odconv-tuning-1",
        adapters: { [adapter]: { [shapeOf(node)]: { source, milliseconds } } },
      });
    const cases = [
      [cache("another GPU", slowest), "knows other adapters than this one"],
      [cache(adapterOf(backend), slowest), "measured other kernels than these for 1 shapes: ignored"],
      ["{", "is ignored: it is not JSON"],
    ];
    for (const [json, notice] of cases) {
      const { tuning, notices } = recorded();
      tuning.load(json);
      const choose = await tunedChoice(backend, graph, tuning);
      assertEquals(choose(node, variants), variants[0]);
      assertEquals(notices.length, 1);
      assertStringIncludes(notices[0], notice);
    }
    // True sources, but variants that are not those of today.
    const measured = recorded({ measure: true });
    await tunedChoice(backend, graph, measured.tuning);
    const source = JSON.parse(measured.kept[0]).adapters[adapterOf(backend)][shapeOf(node)].source;
    const { tuning, notices } = recorded();
    tuning.load(cache(adapterOf(backend), { ...slowest, unheard_of: 0.5 }, source));
    assertEquals((await tunedChoice(backend, graph, tuning))(node, variants), variants[0]);
    assertEquals(notices.length, 1);
  });
});

Deno.test("fastest() prefers the guess when another is hardly faster", () => {
  const times = (...values: number[]) => new Map(values.map((ms, i) => ["abc"[i], ms]));
  assertEquals(fastest(["a", "b", "c"], times(1, 0.98, 3)), "a");
  assertEquals(fastest(["a", "b", "c"], times(1, 0.9, 0.8)), "c");
});

Deno.test("parseTuning() throws DataError naming what is wrong when the file is damaged or hostile", () => {
  const file = (adapters: unknown) => JSON.stringify({ format: "odconv-tuning-1", adapters });
  const cases: [string, string][] = [
    ["null", "it is null, expected an object"],
    [`{"format":"odconv-tuning-9","adapters":{}}`, `its format is "odconv-tuning-9"`],
    [file([]), `"adapters" is [], expected an object`],
    [file(Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, {}]))), "65 entries"],
    [" ".repeat(2 ** 23 + 1), "characters, expected at most"],
  ];
  for (const [json, message] of cases) {
    assertStringIncludes(assertThrows(() => parseTuning(json), DataError).message, message);
  }
});

Deno.test("parseTuning() leaves out an entry that is damaged, says why and keeps the others", () => {
  const file = (adapters: unknown) => JSON.stringify({ format: "odconv-tuning-1", adapters });
  const source = "ab".repeat(32);
  const good = { source, milliseconds: { a: 1, b: 0.5 } };
  const entry = (entry: unknown) => file({ gpu: { first: good, "conv2d x": entry, last: good } });
  // As JSON that JSON.stringify would not write.
  const number = (text: string) => entry({ source, milliseconds: { direct: "?" } }).replace(`"?"`, text);
  const cases: [string, string][] = [
    [entry({ source: "x", milliseconds: {} }), `"conv2d x": the source is "x"`],
    [entry({ source, milliseconds: { direct: "1" } }), `"conv2d x": "direct" takes "1"`],
    [number("-1"), `"direct" takes -1`],
    [number("0"), `"direct" takes 0, expected milliseconds above 0`],
    [number("-0.0"), `"direct" takes 0`],
    [number("null"), `"direct" takes null`],
    [number("1e999"), `"direct" takes Infinity`],
    [entry({ source, milliseconds: {}, more: 1 }), "3 entries"],
    [entry(null), `"conv2d x" is null, expected an object`],
    [file({ ["x".repeat(3000)]: {}, gpu: { first: good, last: good } }), "3000 characters"],
    [file({ broken: 7, gpu: { first: good, last: good } }), `"broken" is 7`],
  ];
  for (const [json, message] of cases) {
    const lost: string[] = [];
    const known = parseTuning(json, (why) => lost.push(why));
    assertEquals(lost.length, 1, json);
    assertStringIncludes(lost[0], message);
    assertEquals([...known.get("gpu")!.keys()], ["first", "last"]);
    assertEquals([...known.get("gpu")!.get("last")!.milliseconds], [["a", 1], ["b", 0.5]]);
    const { tuning, notices } = recorded();
    tuning.load(json, "cache.json");
    assertEquals(notices, [`1 entry of cache.json is ignored: ${lost[0]}`]);
    assert(tuning.measured("gpu", "first"));
  }
  const names = parseTuning(file({ "__proto__": {}, gpu: { s: { source, milliseconds: { __proto__: 1, a: 2 } } } }));
  assertEquals(names.get("gpu")?.get("s")?.milliseconds.get("a"), 2);
});
