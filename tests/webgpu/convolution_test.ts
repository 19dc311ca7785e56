import { assert, assertEquals } from "@std/assert";
import { variantsOf } from "../../src/webgpu/kernels/convolution/choice/variants.ts";
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
import { runReference } from "../support/reference_ops.ts";
import { relativeError } from "../support/error.ts";
import { RandomGraph } from "../support/random_graph.ts";
import { assertParity, withWebGpu } from "./support.ts";

for (const operands of ["texture", "buffer"] as const) {
  Deno.test(`convolutions agree with float64 loops when operands are read from a ${operands}`, async () => {
    await withWebGpu({ operands }, async (backend) => {
      for (const c of [...STATIC, ...DYNAMIC, ...PER_SAMPLE]) {
        const g = new RandomGraph();
        g.graph.output("y", buildConvolution(g, c));
        await assertParity(backend, JSON.stringify(c), g);
      }
    });
  });
}

Deno.test("mix_kernels and a convolution that are not fused agree with float64 loops", async () => {
  await withWebGpu({}, async (backend) => {
    for (const c of DYNAMIC.filter(({ kernels, attentions }) => kernels !== 1 || attentions !== "")) {
      const g = new RandomGraph();
      g.graph.output("y", buildMixing(g, c));
      await assertParity(backend, JSON.stringify(c), g);
    }
  });
});

for (const profile of ["software", "hardware"] as const) {
  Deno.test(`every variant of a convolution agrees with float64 loops in the ${profile} profile`, async () => {
    await withWebGpu({ profile, operands: profile === "software" ? "texture" : "buffer" }, async (backend) => {
      const names = new Set<string>();
      for (const c of [...STATIC, ...DYNAMIC, ...PER_SAMPLE, ...WINOGRAD, ...WORKGROUP]) {
        const g = new RandomGraph();
        const { source } = buildConvolution(g, c);
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
      buildConvolution(g, {
        batch: 5,
        cin: 16,
        cout: 32,
        size: [3, 3],
        k: [3, 3],
        padding: [1, 1],
        kernels: 2,
        residual: true,
      }),
    );
    await assertParity(backend, "five samples", g);
  });
});

Deno.test("Winograd takes some samples at a time on a software adapter, and all of them answer float64 loops", async () => {
  await withWebGpu({ profile: "software", operands: "texture" }, async (backend) => {
    // A sample's transformed inputs take 36 x 256 tiles x 2 blocks x 16 bytes: 7 of 9 stay in two megabytes.
    const c: ConvolutionCase = {
      batch: 9,
      cin: 8,
      cout: 8,
      size: [64, 64],
      k: [3, 3],
      padding: [1, 1],
      bias: true,
      residual: true,
    };
    for (const each of [c, { ...c, kernels: 2 }]) {
      const g = new RandomGraph();
      g.graph.output("y", buildConvolution(g, each));
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
