import { assertEquals } from "@std/assert";
import { hintFor, looksLike } from "../../src/models/find/looks_like.ts";
import { createModel } from "../../src/models/model/model.ts";
import { REGISTRY } from "../../src/models/architectures/registry.ts";

const named = (...names: string[]) => new Map(names.map((name) => [name, { shape: [1] }]));

Deno.test("looksLike() names a network's family by its tensors' names, also behind prefixes", () => {
  const cases: [family: string, name: string][] = [
    ["DenseNet", "features.denseblock1.denselayer1.norm1.weight"],
    ["EfficientNet or ConvNeXt of torchvision", "features.1.0.block.0.0.weight"],
    ["MobileNetV3 of torchvision", "features.1.block.0.0.weight"],
    ["a MobileNetV2 of another width or depth", "features.1.conv.0.0.weight"],
    ["Swin Transformer", "features.1.0.attn.relative_position_bias_table"],
    ["SqueezeNet", "features.3.squeeze.weight"],
    ["RegNet", "trunk_output.block1.block1-0.proj.0.weight"],
    ["ShuffleNetV2", "stage2.0.branch1.0.weight"],
    ["VGG or AlexNet", "features.0.weight"],
    ["a vision transformer (ViT)", "blocks.0.attn.qkv.weight"],
    ["a transformer (ViT or BERT)", "encoder.layer.0.attention.attention.query.weight"],
    ["CLIP's ResNet, whose stem and pooling are others", "visual.attnpool.q_proj.weight"],
    ["a detector around a backbone", "rpn.head.conv.weight"],
    ["timm's EfficientNet, MobileNetV3 or a MobileNetV2 of another width", "blocks.0.0.conv_dw.weight"],
    ["ConvNeXt", "stages.0.blocks.0.conv_dw.weight"],
    ["a network with squeeze-and-excitation", "layer1.0.se.fc1.weight"],
    ["a ResNet of another width or depth", "layer1.0.conv1.weight"],
  ];
  for (const [family, name] of cases) {
    assertEquals(looksLike(named(name)), family, name);
    assertEquals(looksLike(named(`module.model.${name}`)), family, name);
  }
  // A name with "backbone" does not make a detector. An MLP is not a squeeze-and-excitation block.
  assertEquals(looksLike(named("backbone.stem.0.weight", "net.mlp.fc1.weight")), undefined);
});

Deno.test("looksLike() says of no network here that it is one that is not read", () => {
  for (const arch of REGISTRY.keys()) {
    const shapes = new Map(createModel({ arch }).stateDictSpec().map((spec) => [spec.name, spec]));
    const family = /mobilenet/.test(arch)
      ? "a MobileNetV2 of another width or depth"
      : "a ResNet of another width or depth";
    assertEquals([looksLike(shapes), hintFor(shapes)], [family, undefined], arch);
  }
});
