import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Bar, barChart, heatmap, lineChart, type LinePanel } from "../../src/plots/mod.ts";

/** Returns the vertices of the lines of a chart, by panel. */
function linesOf(svg: string): number[][][] {
  const paths = [...svg.matchAll(/aria-label="line"[^>]*><path d="M([^"]+)"/g)];
  return paths.map(([, path]) => path.split("L").map((point) => point.split(",").map(Number)));
}

/** Left ends and widths of a chart's bars. */
function barsOf(svg: string): { start: number; length: number }[] {
  const bars = [...svg.matchAll(/<path [^>]*d="M([\d.]+),[^H]*H[\d.]+A2,2 0 0 1 ([\d.]+)/g)];
  return bars.map(([, left, right]) => ({ start: Number(left), length: Number(right) - Number(left) }));
}

const panel = (series: LinePanel["series"], log = false): LinePanel => ({
  x: { label: "epochs" },
  y: { label: "loss", unit: "nats", log },
  series,
});

Deno.test("`lineChart()` draws every number where its axis has it, and says title, description, axes and unit", async () => {
  const svg = await lineChart(
    [panel([{ name: "a", points: [[0, 4], [1, 2], [2, 0], [3, NaN]] }, { name: "b", points: [[2, 3]] }])],
    { title: "two", description: "a falls" },
  );
  const [[first, second, third, ...none]] = linesOf(svg);
  assertEquals(none, []);
  assert(first[1] < second[1] && Math.abs(first[1] + third[1] - 2 * second[1]) < 0.02, svg);
  assert(Math.abs(second[0] - first[0] - (third[0] - second[0])) < 0.02);
  assertStringIncludes(svg, "<circle ");
  for (const text of ["<title>two</title>", "<desc>a falls</desc>", "epochs", "loss, nats", ">a</text>", ">b</text>"]) {
    assertStringIncludes(svg, text);
  }
});

Deno.test("`lineChart()` with a logarithmic axis gives equal factors equal lengths and leaves out what is not positive", async () => {
  const svg = await lineChart([panel([{ name: "a", points: [[0, 0], [1, 1000], [2, 100], [3, 10]] }], true)], {
    title: "x",
  });
  const [[first, second, third, ...none]] = linesOf(svg);
  assertEquals(none, []);
  assert(Math.abs(first[1] + third[1] - 2 * second[1]) < 0.02, svg);
});

Deno.test("`lineChart()` draws constant numbers and none without nonsense", async () => {
  for (const series of [[], [{ name: "a", points: [] }], [{ name: "a", points: [[1, 5], [1, 5]] as const }]]) {
    for (const log of [false, true]) {
      assert(!/NaN|Infinity|undefined/.test(await lineChart([panel(series, log)], { title: "x" })));
    }
  }
});

const TIMES: readonly Bar[] = [
  { group: "small", series: "ours", value: 10, range: [9, 12] },
  { group: "small", series: "theirs", value: 20 },
  { group: "large", series: "ours", value: 40 },
  { group: "large", series: "theirs", value: NaN, note: "out of memory" },
];

Deno.test("`barChart()` draws bars from zero, as long as their values, and says why one is missing", async () => {
  const svg = await barChart(TIMES, { label: "time", unit: "ms" }, { title: "x" });
  const bars = barsOf(svg);
  assertEquals(bars.length, 3);
  for (const [i, factor] of [1, 2, 4].entries()) {
    assert(Math.abs(bars[i].length / bars[0].length - factor) < 0.02, JSON.stringify(bars));
    assertEquals(bars[i].start, bars[0].start);
  }
  for (const text of [">10</text>", ">40</text>", ">out of memory</text>", "small", "large", "theirs", "time, ms"]) {
    assertStringIncludes(svg, text);
  }
});

Deno.test("`barChart()` leaves room for what a bar could be at most", async () => {
  const draw = async (most?: number) =>
    barsOf(await barChart([{ group: "a", value: 25 }], { label: "probability", unit: "%" }, { title: "x", most }))[0];
  assert(Math.abs((await draw()).length / (await draw(100)).length - 4) < 0.1);
  assertEquals((await draw(10)).length, (await draw()).length);
});

Deno.test("`barChart()` with a logarithmic axis begins at a power of ten", async () => {
  const svg = await barChart(
    [{ group: "a", value: 2 }, { group: "b", value: 20 }, { group: "c", value: 0 }],
    { label: "time", log: true },
    { title: "x" },
  );
  const [a, b, ...none] = barsOf(svg);
  assertEquals(none, []);
  assert(Math.abs(a.length / b.length - Math.log10(2) / Math.log10(20)) < 0.01, svg);
  assert(!/NaN|Infinity|undefined/.test(await barChart([], { label: "time", log: true }, { title: "x" })));
});

Deno.test("`heatmap()` writes each number on its colour, deeper for more, and differences to either side", async () => {
  const svg = await heatmap([
    { heading: "A", values: [0, 0.5, 1, 0.2], columns: 2, scale: { low: 0, high: 1 }, write: (v) => v.toFixed(1) },
    { heading: "B − A", values: [-1, 1], columns: 2, scale: { most: 1 } },
  ], { title: "x" });
  const cells = [...svg.matchAll(/<rect [^>]*fill="(#[0-9a-f]{6})"/g)].map(([, fill]) => fill);
  assertEquals(cells.slice(-6).map((fill) => fill), [
    "#f0f5f7",
    "#4d9fa8",
    "#0c3254",
    cells.at(-3)!,
    "#a64010",
    "#105296",
  ]);
  for (const text of [">0.5</text>", ">1.0</text>", "B − A"]) assertStringIncludes(svg, text);
});

Deno.test("pictures are the same bytes for the same numbers, well-formed, and hostile names stay text", async () => {
  const name = `<script>alert(1)</script>&"'\u0000\ud800`;
  const draw = () => [
    barChart([{ group: name, series: name, value: 1, note: name }, { group: "b", series: "c", value: 2 }], {
      label: name,
      unit: name,
    }, { title: name, description: name }),
    lineChart([{ ...panel([{ name, points: [[0, 1], [1, 2]] }, { name: "b", points: [] }]), heading: name }], {
      title: name,
    }),
    heatmap([{ heading: name, values: [1], columns: 1, scale: { most: 1 }, write: () => name }], { title: name }),
  ];
  const [once, again] = [await Promise.all(draw()), await Promise.all(draw())];
  assertEquals(once, again);
  for (const svg of once) {
    assert(!svg.includes("<script"), svg);
    assertStringIncludes(svg, "&lt;script&gt;");
    // deno-lint-ignore no-control-regex -- what XML does not allow
    assert(svg.isWellFormed() && !/[\x00-\x08]/.test(svg));
    assert(!/&(?!(amp|lt|gt|quot|#39|#\d+);)/.test(svg), "a bare &");
    const open: string[] = [];
    for (const [, end, tag, empty] of svg.matchAll(/<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
      if (end) assertEquals(open.pop(), tag);
      else if (!empty) open.push(tag);
    }
    assertEquals(open, []);
  }
});

Deno.test("pictures have light colours where a viewer knows no better, dark ones by the reader's choice", async () => {
  const svg = await barChart(TIMES, { label: "time" }, { title: "x" });
  assertMatch(svg, /<style>@media \(prefers-color-scheme:dark\)\{.*\.fill-ffffff-17202a\{fill:#17202a\}/);
  assertStringIncludes(svg, `fill="#1a7a8e"`);
  assert(!/var\(|currentColor/.test(svg), svg);
  const embedded = await barChart(TIMES, { label: "time" }, { title: "x", embedded: true });
  assert(!/<style| style=/.test(embedded), "a page may forbid styles of elements");
});
