import { assertEquals } from "@std/assert";
import { appendGradients } from "../../src/graph/autodiff.ts";
import { crossEntropy } from "../../src/graph/ops/cross_entropy.ts";
import { fuseMixing } from "../../src/graph/passes/fuse_mixing.ts";
import { createModel } from "../../src/models/model/model.ts";
import { REGISTRY } from "../../src/models/architectures/registry.ts";
import { traceModule } from "../../src/nn/module.ts";

Deno.test("every trainable parameter of every architecture gets a gradient of its shape, every statistic an update", () => {
  for (const [arch, { imageSize, layer }] of REGISTRY) {
    const { network } = createModel({ arch, kernelNum: 2 });
    const graph = fuseMixing(traceModule(network, [2, 3, imageSize, imageSize], { training: true }));
    const operands = { logits: graph.outputs.get("logits")!, labels: graph.input("labels", [2]) };
    const loss = graph.apply(crossEntropy, "loss", operands, { labelSmoothing: 0 });
    const all = [...network.namedTensors()].filter(([, { dtype }]) => dtype === "F32");
    const trainable = all.filter(([, { trainable }]) => trainable);
    const gradients = appendGradients(graph, loss, trainable.map(([name]) => graph.parameters.get(name)!));
    assertEquals(
      new Map([...gradients].map(([{ name }, { shape }]) => [name, shape])),
      new Map(trainable.map(([name, { shape }]) => [name, shape])),
    );
    assertEquals(graph.updates.size, all.length - trainable.length);
    // The gradient of the images is not requested, so the stem has only a weight gradient.
    const stem = graph.nodes.filter(({ name, op }) =>
      /^(conv1|features\.0\.0)$/.test(name) && op.name.endsWith("_grad")
    );
    assertEquals(stem.map(({ op }) => op.name), ["conv2d_weight_grad"]);
    const forward = graph.nodes.filter(({ op }) => op.name === "dynamic_conv2d").length;
    assertEquals(forward > 0, layer.kind === "odconv");
    assertEquals(graph.nodes.filter(({ op }) => op.name === "conv2d_attention_products").length, forward);
  }
});
