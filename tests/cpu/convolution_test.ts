import { openCpu } from "../../src/cpu/backend.ts";
import { assertReference } from "../support/assert_reference.ts";
import {
  buildConvolution,
  buildMixing,
  type ConvolutionCase,
  DYNAMIC,
  PER_SAMPLE,
  STATIC,
  WINOGRAD,
  WORKGROUP,
} from "../support/convolution_cases.ts";
import { RandomGraph } from "../support/random_graph.ts";

/** Weights larger than a span, a bank of such weights, fewer pixels than a tile, few channels with wide padding. */
const BLOCKS: readonly ConvolutionCase[] = [
  { batch: 3, cin: 96, cout: 208, size: [4, 5], k: [3, 3], padding: [1, 1], bias: true, residual: true },
  {
    batch: 3,
    cin: 96,
    cout: 204,
    size: [4, 5],
    k: [3, 3],
    padding: [1, 1],
    kernels: 2,
    bias: true,
    activation: "relu",
  },
  { batch: 2, cin: 40, cout: 24, size: [1, 2], k: [1, 1], residual: true, activation: "relu6" },
  { batch: 2, cin: 15, cout: 17, size: [3, 4], k: [5, 3], padding: [4, 2], stride: [2, 3] },
];

Deno.test("convolutions on the CPU agree with float64 loops", async () => {
  const backend = await openCpu();
  for (const c of [...STATIC, ...DYNAMIC, ...PER_SAMPLE, ...WINOGRAD, ...WORKGROUP, ...BLOCKS]) {
    const g = new RandomGraph();
    g.graph.output("y", buildConvolution(g, c));
    await assertReference(backend, JSON.stringify(c), g);
  }
});

Deno.test("mix_kernels and a convolution that are not fused agree with float64 loops on the CPU", async () => {
  const backend = await openCpu();
  for (const c of DYNAMIC.filter(({ kernels, attentions }) => kernels !== 1 || attentions !== "")) {
    const g = new RandomGraph();
    g.graph.output("y", buildMixing(g, c));
    await assertReference(backend, JSON.stringify(c), g);
  }
});
