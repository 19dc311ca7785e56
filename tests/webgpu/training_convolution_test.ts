import { assert, assertEquals } from "@std/assert";
import type { Operator, Value } from "../../src/graph/graph.ts";
import { sigmoid } from "../../src/graph/ops/elementwise.ts";
import type { Pair } from "../../src/graph/ops/shared.ts";
import { convolutionShape } from "../../src/graph/ops/shared.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { planGraph } from "../../src/webgpu/planner/planner.ts";
import { variantsOf } from "../../src/webgpu/kernels/convolution/choice/variants.ts";
import { attentionsOfCase, type ConvolutionCase, windowOfCase } from "../support/convolution_cases.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { withWebGpu } from "./support.ts";
import { assertInterpreted } from "./training_support.ts";

const one: Pair = [1, 1];
const two: Pair = [2, 2];

const CASES: readonly ConvolutionCase[] = [
  // Static weights.
  { cin: 3, cout: 8, size: [15, 17], k: [7, 7], stride: two, padding: [3, 3] },
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one },
  { cin: 6, cout: 10, size: [9, 13], k: [3, 3], stride: two, padding: one },
  { batch: 5, cin: 7, cout: 5, size: [6, 5], k: [3, 3] },
  { cin: 32, cout: 32, size: [5, 9], k: one },
  { batch: 5, cin: 9, cout: 17, size: [3, 3], k: one },
  { batch: 2, cin: 8, cout: 16, size: [9, 7], k: one, stride: two },
  { cin: 8, cout: 8, size: [6, 6], k: one, padding: one },
  { cin: 4, cout: 8, size: [11, 10], k: [3, 3], padding: two, dilation: two },
  { cin: 4, cout: 12, size: [12, 9], k: [3, 5], stride: [2, 1], padding: [0, 2], dilation: [3, 1] },
  { cin: 4, cout: 8, size: [13, 11], k: [3, 3], stride: [2, 3], padding: [1, 0], dilation: [1, 2] },
  { cin: 4, cout: 4, size: [3, 20], k: [1, 11], padding: [0, 5] },
  { cin: 16, cout: 32, size: [7, 8], k: [3, 3], padding: one, groups: 2 },
  { batch: 5, cin: 6, cout: 9, size: [5, 5], k: [3, 3], padding: one, groups: 3 },
  { batch: 2, cin: 8, cout: 16, size: [6, 5], k: [3, 3], stride: two, groups: 8 },
  { batch: 5, cin: 12, cout: 12, size: [7, 9], k: [3, 3], padding: one, groups: 12 },
  { cin: 6, cout: 6, size: [13, 11], k: [5, 5], stride: two, padding: two, groups: 6 },
  { cin: 5, cout: 5, size: [9, 9], k: [3, 3], padding: [3, 3], dilation: [3, 3], groups: 5 },
  { cin: 1, cout: 1, size: [4, 4], k: [3, 3], padding: one },
  // Dynamic.
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, kernels: 1 },
  { batch: 2, cin: 6, cout: 10, size: [5, 6], k: [3, 3], stride: two, padding: one, kernels: 1 },
  { cin: 4, cout: 8, size: [16, 15], k: [3, 3], padding: one, kernels: 1 },
  { batch: 2, cin: 8, cout: 16, size: [5, 5], k: one, kernels: 1, attentions: "cf" },
  { batch: 2, cin: 8, cout: 12, size: [6, 6], k: [3, 3], groups: 2, kernels: 1, dilation: two },
  { batch: 2, cin: 4, cout: 4, size: [6, 6], k: [3, 3], kernels: 1, attentions: "" },
  { batch: 2, cin: 4, cout: 8, size: [6, 7], k: [3, 2], kernels: 1, attentions: "s" },
  { batch: 2, cin: 4, cout: 8, size: [6, 7], k: [3, 3], kernels: 1, attentions: "f" },
  { batch: 5, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, kernels: 4 },
  { batch: 2, cin: 7, cout: 9, size: [9, 8], k: [3, 3], stride: two, padding: one, kernels: 2 },
  { batch: 5, cin: 16, cout: 32, size: [3, 5], k: one, kernels: 4, attentions: "cf" },
  { batch: 2, cin: 12, cout: 18, size: [5, 5], k: [3, 3], padding: one, groups: 3, kernels: 2 },
  { batch: 5, cin: 10, cout: 10, size: [7, 6], k: [3, 3], padding: one, groups: 10, kernels: 4, attentions: "cs" },
  { batch: 2, cin: 8, cout: 8, size: [9, 9], k: [3, 3], stride: two, groups: 8, kernels: 1, attentions: "cs" },
  { cin: 5, cout: 6, size: [4, 4], k: one, kernels: 5, attentions: "" },
  // A weight for each sample.
  { batch: 3, cin: 8, cout: 16, size: [7, 7], k: [3, 3], padding: one, perSample: "given" },
  { batch: 3, cin: 6, cout: 10, size: [9, 7], k: [3, 2], stride: two, padding: one, perSample: "computed" },
  { batch: 2, cin: 9, cout: 17, size: [5, 5], k: one, perSample: "computed" },
  { cin: 8, cout: 6, size: [6, 6], k: [3, 3], perSample: "computed" },
  { batch: 2, cin: 8, cout: 12, size: [6, 6], k: [3, 3], groups: 2, dilation: two, perSample: "given" },
  { batch: 2, cin: 6, cout: 9, size: [5, 5], k: [3, 3], padding: one, groups: 3, perSample: "computed" },
  { batch: 5, cin: 10, cout: 10, size: [7, 6], k: [3, 3], padding: one, groups: 10, perSample: "computed" },
  { batch: 2, cin: 6, cout: 6, size: [8, 9], k: [3, 3], stride: two, groups: 6, perSample: "given" },
  // Several tiles of channels.
  { batch: 2, cin: 8, cout: 16, size: [12, 11], k: [3, 3], padding: one, kernels: 4 },
  { batch: 2, cin: 12, cout: 18, size: [13, 13], k: [3, 3], padding: one, groups: 3, kernels: 2 },
  { batch: 2, cin: 6, cout: 6, size: [13, 13], k: [3, 3], padding: one, groups: 6, kernels: 2, attentions: "cs" },
];

const { conv2d_input_grad, conv2d_weight_grad, conv2d_attention_products, attention_grad } = TRAINING_OPERATORS;

/**
 * The backward of one convolution: every contraction that it has. Weights that are inputs are laid out in every run. What
 * the attentions' gradients are made of is answered itself, or the gradients are: then one kernel makes them and the
 * weight's.
 */
function build(
  c: ConvolutionCase,
  weights: "parameter" | "input",
  answers: "products" | "gradients" = "products",
): RandomGraph {
  const { batch = 1, cin, cout, k, groups = 1, kernels } = c;
  const window = windowOfCase(c);
  const each = [cout, cin / groups, ...k];
  const weightShape = c.perSample ? [batch, ...each] : kernels === undefined ? each : [kernels, ...each];
  const g = new RandomGraph();
  const x = g.input("x", [batch, cin, ...c.size]);
  // What is computed has numbers in the lanes past the last channel: a sigmoid of zero is a half.
  const computed = (value: Value) =>
    c.perSample === "computed" ? g.graph.apply(sigmoid, `sigmoid of ${value.name}`, { x: value }, {}) : value;
  const gradient = computed(g.input("gradient", convolutionShape(x.shape, each, window)));
  const weight = computed(g[c.perSample ? "input" : weights]("weight", weightShape));
  const { channel, filter, spatial, kernel } = attentionsOfCase(g, c);
  const output = (op: Operator, operands: Record<string, Value | undefined>, attributes: Record<string, unknown>) =>
    g.graph.output(op.name, g.graph.apply(op, op.name, operands, { ...window, ...attributes }));
  output(conv2d_input_grad, { gradient, weight, filter, spatial, kernel }, { inputSize: c.size });
  output(conv2d_weight_grad, { x, gradient, channel, filter, spatial, kernel }, { weightShape });
  if (kernels === undefined) return g;
  if (answers === "products") {
    output(conv2d_attention_products, { x, gradient, weight, channel }, {});
    return g;
  }
  const products = g.graph.apply(conv2d_attention_products, "products", { x, gradient, weight, channel }, window);
  const attentionsOfProducts = { filter, spatial, kernel };
  for (const [to, value] of Object.entries(attentionsOfProducts)) {
    if (!value) continue;
    const operands = { ...attentionsOfProducts, products, [to]: undefined };
    g.graph.output(to, g.graph.apply(attention_grad as Operator, `attention_grad ${to}`, operands, { to }));
  }
  return g;
}

for (const [operands, weights] of [["texture", "parameter"], ["texture", "input"], ["buffer", "input"]] as const) {
  Deno.test(`the backward of convolutions agrees with float64 loops when the weight is a ${weights} read from a ${operands}`, async () => {
    await withWebGpu({ operands }, async (backend) => {
      for (const c of CASES) await assertInterpreted(backend, JSON.stringify(c), build(c, weights), 5e-6);
    });
  });
}

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`one kernel makes the gradients of a weight and of its attentions, read from a ${operands}`, async () => {
    await withWebGpu({ operands }, async (backend) => {
      for (const c of CASES) {
        if (c.kernels === undefined) continue;
        const g = build(c, "parameter", "gradients");
        if (!["filter", "spatial", "kernel"].some((to) => g.graph.outputs.has(to))) continue;
        const kernels = planGraph(g.graph, backend.capabilities).steps
          .flatMap((step) => step.kind === "dispatch" ? [step.dispatch.shader.label] : []);
        assert(kernels.some((kernel) => kernel.endsWith("_weight_grad_and_attention_grads")), JSON.stringify(c));
        assert(!kernels.some((kernel) => kernel.endsWith("_attention_products")), JSON.stringify(c));
        await assertInterpreted(backend, JSON.stringify(c), g, 5e-6);
      }
    });
  });
}

for (const profile of ["software", "hardware"] as const) {
  Deno.test(`every variant of conv2d_input_grad agrees with float64 loops in the ${profile} profile`, async () => {
    await withWebGpu({ profile, operands: profile === "software" ? "texture" : "buffer" }, async (backend) => {
      const names = new Set<string>();
      for (const c of CASES) {
        const g = build(c, "input");
        const { source } = g.graph.outputs.get(conv2d_input_grad.name)!;
        assert(source.kind === "node");
        const { op, operands, attributes } = source.node;
        const variants = variantsOf(source.node, backend.capabilities);
        const chosen = new Map(variants.map((variant) => [variant.name, variant]));
        for (const name of chosen.keys()) g.graph.output(name, g.graph.apply(op, name, operands, attributes));
        await assertInterpreted(backend, JSON.stringify(c), g, 5e-6, ({ name }, [first]) => chosen.get(name) ?? first);
        for (const { algorithm, mixing, tile } of variants) {
          names.add(`${mixing} ${algorithm} ${tile.shared !== undefined}`);
        }
      }
      assertEquals(names.has("mixed winograd true"), profile === "hardware");
      assert(names.has("shared direct false") && names.has("undefined winograd false"));
    });
  });
}

Deno.test("conv2d_input_grad takes some samples at a time when all their kernels exceed a binding", async () => {
  await withWebGpu({ operands: "buffer", maxBindingBytes: 2 * 32 * 16 * 9 * 4 }, async (backend) => {
    const c = { batch: 5, cin: 16, cout: 32, size: [3, 3], k: [3, 3], padding: one, kernels: 2 } as const;
    await assertInterpreted(backend, "five samples", build(c, "parameter"), 5e-6);
  });
});

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`the sums of attentions' gradients are of some samples at a time when all exceed a binding, read from a ${operands}`, async () => {
    const maxBindingBytes = 2 * 32 * 16 * 9 * 4;
    await withWebGpu({ operands, maxBindingBytes }, async (backend) => {
      for (const attentions of ["cfs", "cf", "s"] as const) {
        const c = { batch: 30, cin: 16, cout: 32, size: [2, 2], k: [3, 3], padding: one, kernels: 2 } as const;
        const g = build({ ...c, attentions }, "parameter", "gradients");
        const { steps, resources } = planGraph(g.graph, backend.capabilities);
        const made = steps.filter((step) =>
          step.kind === "dispatch" && step.dispatch.shader.label.endsWith("_weight_grad_and_attention_grads")
        );
        assert(made.length > (attentions === "cfs" ? 1 : 0), `${attentions}: ${made.length} dispatches`);
        assert(resources.every(({ texels, form }) => form === "texture" || texels * 16 <= maxBindingBytes));
        await assertInterpreted(backend, attentions, g, 5e-6);
      }
    });
  });
}
