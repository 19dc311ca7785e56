import { assert, assertEquals } from "@std/assert";
import type { Value } from "../../src/graph/graph.ts";
import { conv2d } from "../../src/graph/ops/conv2d.ts";
import { dynamicConv2d } from "../../src/graph/ops/dynamic_conv2d.ts";
import type { Activation, Pair } from "../../src/graph/ops/shared.ts";
import { variantsOf } from "../../src/webgpu/kernels/variants.ts";
import { runReference } from "../support/reference_ops.ts";
import { assertParity, RandomGraph, relativeError, withWebGpu } from "./support.ts";

/** Every hyper-parameter of a convolution; those left out are PyTorch's defaults. */
interface Case {
  readonly batch?: number;
  readonly cin: number;
  readonly cout: number;
  readonly size: Pair;
  readonly k: Pair;
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly activation?: Activation;
  readonly bias?: boolean;
  readonly residual?: boolean;
  /** Dynamic: the number of kernels. */
  readonly kernels?: number;
  /** Dynamic: which attentions there are, of "cfs"; the kernel attention is there with several kernels. */
  readonly attentions?: string;
}

const one: Pair = [1, 1];
const two: Pair = [2, 2];

const STATIC: readonly Case[] = [
  { cin: 3, cout: 8, size: [15, 17], k: [7, 7], stride: two, padding: [3, 3], activation: "relu" },
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, bias: true, residual: true, activation: "relu" },
  { cin: 6, cout: 10, size: [9, 13], k: [3, 3], stride: two, padding: one, bias: true },
  { batch: 5, cin: 7, cout: 5, size: [6, 5], k: [3, 3] },
  { cin: 16, cout: 32, size: [5, 29], k: one, activation: "relu6", bias: true },
  { batch: 5, cin: 9, cout: 16, size: [3, 3], k: one, residual: true },
  { batch: 2, cin: 8, cout: 16, size: [9, 7], k: one, stride: two },
  { cin: 8, cout: 8, size: [6, 6], k: one, padding: one },
  { cin: 4, cout: 8, size: [11, 10], k: [3, 3], padding: two, dilation: two },
  { cin: 4, cout: 12, size: [12, 9], k: [3, 5], stride: [2, 1], padding: [0, 2], dilation: [3, 1] },
  { cin: 4, cout: 4, size: [3, 40], k: [1, 11], padding: [0, 5] },
  { cin: 16, cout: 32, size: [7, 8], k: [3, 3], padding: one, groups: 2, bias: true },
  { batch: 5, cin: 6, cout: 9, size: [5, 5], k: [3, 3], padding: one, groups: 3, residual: true },
  { cin: 8, cout: 16, size: [6, 5], k: [3, 3], stride: two, groups: 8 },
  { batch: 5, cin: 12, cout: 12, size: [7, 9], k: [3, 3], padding: one, groups: 12, bias: true, activation: "relu6" },
  { cin: 6, cout: 6, size: [13, 11], k: [5, 5], stride: two, padding: two, groups: 6, residual: true },
  { cin: 5, cout: 5, size: [9, 9], k: [3, 3], padding: [3, 3], dilation: [3, 3], groups: 5 },
  { cin: 1, cout: 1, size: [4, 4], k: [3, 3], padding: one },
];

const DYNAMIC: readonly Case[] = [
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, kernels: 1, bias: true, activation: "relu" },
  { cin: 6, cout: 10, size: [5, 6], k: [3, 3], stride: two, padding: one, kernels: 1, residual: true },
  { cin: 4, cout: 8, size: [30, 29], k: [3, 3], padding: one, kernels: 1 },
  { batch: 2, cin: 8, cout: 16, size: [5, 5], k: one, kernels: 1, attentions: "cf" },
  { cin: 8, cout: 12, size: [6, 6], k: [3, 3], groups: 2, kernels: 1, dilation: two },
  { cin: 4, cout: 4, size: [6, 6], k: [3, 3], kernels: 1, attentions: "" },
  { cin: 4, cout: 8, size: [6, 7], k: [3, 3], kernels: 1, attentions: "s" },
  { cin: 4, cout: 8, size: [6, 7], k: [3, 3], kernels: 1, attentions: "f" },
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, kernels: 4, bias: true, residual: true },
  { cin: 7, cout: 9, size: [9, 8], k: [3, 3], stride: two, padding: one, kernels: 2, activation: "relu" },
  { batch: 5, cin: 16, cout: 32, size: [3, 5], k: one, kernels: 4, attentions: "cf" },
  { batch: 2, cin: 12, cout: 18, size: [5, 5], k: [3, 3], padding: one, groups: 3, kernels: 2 },
  { batch: 5, cin: 10, cout: 10, size: [7, 6], k: [3, 3], padding: one, groups: 10, kernels: 4, attentions: "cs" },
  { cin: 8, cout: 8, size: [9, 9], k: [3, 3], stride: two, groups: 8, kernels: 1, attentions: "cs", bias: true },
  { cin: 5, cout: 6, size: [4, 4], k: one, kernels: 5, attentions: "" },
];

function build(g: RandomGraph, c: Case): Value {
  const { batch = 1, cin, cout, k, groups = 1, kernels, attentions = "cfs" } = c;
  const attributes = {
    stride: c.stride ?? one,
    padding: c.padding ?? [0, 0] as const,
    dilation: c.dilation ?? one,
    groups,
    activation: c.activation ?? "none",
  };
  const x = g.input("x", [batch, cin, ...c.size]);
  const weightShape = [cout, cin / groups, ...k];
  const bias = c.bias ? g.parameter("bias", [cout]) : undefined;
  const common = { x, bias };
  if (kernels === undefined) {
    const operands = { ...common, weight: g.parameter("weight", weightShape) };
    const residual = c.residual ? g.input("residual", conv2d.shape(operands, attributes)) : undefined;
    return g.graph.apply(conv2d, "conv", { ...operands, residual }, attributes);
  }
  const attention = (letter: string, n: number) =>
    attentions.includes(letter) ? g.input(`attention ${letter}`, [batch, n]) : undefined;
  const operands = {
    ...common,
    weight: g.parameter("weight", [kernels, ...weightShape]),
    channel: attention("c", cin),
    filter: attention("f", cout),
    spatial: attention("s", k[0] * k[1]),
    kernel: kernels > 1 ? g.input("attention w", [batch, kernels]) : undefined,
  };
  const residual = c.residual ? g.input("residual", dynamicConv2d.shape(operands, attributes)) : undefined;
  return g.graph.apply(dynamicConv2d, "odconv", { ...operands, residual }, attributes);
}

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`convolutions agree with float64 loops when operands are read from a ${operands}`, async () => {
    await withWebGpu({ operands }, async (backend) => {
      for (const c of [...STATIC, ...DYNAMIC]) {
        const g = new RandomGraph();
        g.graph.output("y", build(g, c));
        await assertParity(backend, JSON.stringify(c), g);
      }
    });
  });
}

/** Winograd's tiles do not divide these maps; blocks of channels are part empty, padding is none, some or all around. */
const WINOGRAD: readonly Case[] = [
  {
    batch: 3,
    cin: 8,
    cout: 16,
    size: [14, 15],
    k: [3, 3],
    padding: one,
    bias: true,
    residual: true,
    activation: "relu",
  },
  { batch: 2, cin: 7, cout: 5, size: [9, 6], k: [3, 3] },
  { cin: 3, cout: 4, size: [3, 3], k: [3, 3], padding: two, activation: "relu6" },
  { batch: 3, cin: 6, cout: 9, size: [9, 10], k: [3, 3], padding: one, kernels: 3, bias: true, residual: true },
  { batch: 2, cin: 8, cout: 8, size: [5, 7], k: [3, 3], padding: one, kernels: 1, activation: "relu" },
  { batch: 2, cin: 4, cout: 8, size: [6, 6], k: [3, 3], padding: [0, 1], kernels: 1, attentions: "s" },
  { batch: 2, cin: 4, cout: 8, size: [6, 6], k: [3, 3], padding: one, kernels: 1, attentions: "c" },
];

/** More pixels and channels than a workgroup's tile, and less; several samples in one tile; groups. */
const WORKGROUP: readonly Case[] = [
  { batch: 3, cin: 20, cout: 72, size: [9, 9], k: [3, 3], padding: one, bias: true, residual: true },
  { batch: 2, cin: 70, cout: 140, size: [12, 13], k: one, activation: "relu6" },
  { batch: 3, cin: 24, cout: 40, size: [5, 5], k: [3, 3], padding: one, stride: two, groups: 2 },
  { batch: 3, cin: 20, cout: 36, size: [7, 7], k: [3, 3], padding: one, kernels: 1, bias: true },
  { batch: 2, cin: 20, cout: 36, size: [7, 7], k: [3, 3], padding: one, kernels: 3, residual: true },
];

for (const profile of ["software", "hardware"] as const) {
  Deno.test(`every variant of a convolution agrees with float64 loops in the ${profile} profile`, async () => {
    await withWebGpu({ profile, operands: profile === "software" ? "texture" : "buffer" }, async (backend) => {
      const names = new Set<string>();
      for (const c of [...STATIC, ...DYNAMIC, ...WINOGRAD, ...WORKGROUP]) {
        const g = new RandomGraph();
        const { source } = build(g, c);
        assert(source.kind === "node");
        const { op, operands, attributes, output } = source.node;
        g.graph.output("y", output);
        const { y: expected } = await runReference(g.graph, g.inputs);
        // Computed beside each other: compiled and awaited once. Those that differ from software's by the number of lanes
        // only are left to the first of them.
        const all = variantsOf(source.node, backend.capabilities);
        const variants = all.filter(({ tile }, i) => profile === "software" || tile.shared || i === 0);
        const chosen = new Map(variants.map((variant) => [variant.name, variant]));
        for (const name of chosen.keys()) g.graph.output(name, g.graph.apply(op, name, operands, attributes));
        const executable = await backend.compile(g.graph, ({ name }, [first]) => chosen.get(name) ?? first);
        const actual = await executable.run(g.inputs);
        executable.dispose();
        for (const name of chosen.keys()) {
          const error = relativeError(actual[name], expected);
          assert(error <= 4e-6, `${name} of ${JSON.stringify(c)}: relative error ${error.toExponential(2)}`);
          names.add(name.replace(/\d.*$/, ""));
        }
      }
      const offered = (kind: string) => [...names].some((name) => name.includes(kind));
      assertEquals(offered("workgroup"), profile === "hardware");
      const adapter = await navigator.gpu.requestAdapter();
      const subgroups = [...adapter!.features].some((feature) => `${feature}` === "subgroups");
      assertEquals(offered("subgroups"), profile === "hardware" && subgroups);
    });
  });
}

Deno.test("dynamic_conv2d convolves some samples at a time when all their kernels exceed a binding", async () => {
  // Room for the kernels of two of the five samples.
  await withWebGpu({ operands: "buffer", maxBindingBytes: 2 * 32 * 16 * 9 * 4 }, async (backend) => {
    const g = new RandomGraph();
    g.graph.output(
      "y",
      build(g, { batch: 5, cin: 16, cout: 32, size: [3, 3], k: [3, 3], padding: one, kernels: 2, residual: true }),
    );
    await assertParity(backend, "five samples", g);
  });
});

Deno.test("Winograd takes some samples at a time on a software adapter, and all of them answer float64 loops", async () => {
  await withWebGpu({ profile: "software", operands: "texture" }, async (backend) => {
    // A sample's transformed inputs take 36 x 256 tiles x 2 blocks x 16 bytes: 7 of 9 stay in two megabytes.
    const c: Case = { batch: 9, cin: 8, cout: 8, size: [64, 64], k: [3, 3], padding: one, bias: true, residual: true };
    for (const each of [c, { ...c, kernels: 2 }]) {
      const g = new RandomGraph();
      g.graph.output("y", build(g, each));
      const executable = await backend.compile(
        g.graph,
        (_, variants) =>
          variants.find(({ algorithm, name }) => algorithm === "winograd" && name.includes("winograd4"))!,
      );
      const { steps } = executable.plan;
      const products = steps.filter((step) =>
        step.kind === "dispatch" && step.dispatch.shader.label === "winograd_products"
      );
      assertEquals(products.length, 2);
      const [{ y }, { y: expected }] = await Promise.all([executable.run(g.inputs), runReference(g.graph, g.inputs)]);
      executable.dispose();
      const error = relativeError(y, expected);
      assert(error <= 4e-6, `${each.kernels ?? "no"} kernels: relative error ${error.toExponential(2)}`);
    }
  });
});
