import type { TensorShapes } from "./infer.ts";

/** Networks that are not read here, by a name that only their state dicts have (torchvision, timm, transformers). */
const FAMILIES: readonly (readonly [name: RegExp, family: string])[] = [
  [/^(module\.)?features\.denseblock\d/, "DenseNet"],
  [
    /^features\.\d+\.conv\.\d+\.\d+\.weight$/,
    "torchvision's MobileNetV2, whose layers have other names than the authors'",
  ],
  [/^features\.\d+\.\d+\.block\.\d/, "EfficientNet, MobileNetV3 or ConvNeXt of torchvision"],
  [/^features\.\d+\.\d+\.attn\.relative_position_bias_table$/, "Swin Transformer"],
  [/^features\.\d+\.(squeeze|expand1x1)\./, "SqueezeNet"],
  [/^Mixed_\d|^Conv2d_1a_3x3/, "Inception v3"],
  [/^inception\d/, "GoogLeNet"],
  [/^stage[234]\.\d+\.branch[12]\./, "ShuffleNetV2"],
  [/^features\.\d+\.weight$/, "VGG or AlexNet"],
  [/\.relative_position_bias_table$/, "Swin Transformer"],
  [/^(encoder\.layers\.encoder_layer_0|blocks\.0\.attn\.qkv|vit\.|visual\.)/, "a vision transformer (ViT)"],
  [/^blocks\.\d+\.\d+\.conv_(dw|pw)/, "timm's EfficientNet or MobileNetV3"],
  [/^stages\.\d+\.blocks\.\d+\.(conv_dw|dwconv|gamma)/, "ConvNeXt"],
  [/^(backbone|rpn|roi_heads)\./, "a detector around a backbone"],
  [/^(model\.diffusion_model|down_blocks|unet)\./, "a diffusion model"],
  [/^(model\.layers\.0\.self_attn|transformer\.h\.0|bert\.|encoder\.layer\.0\.)/, "a language model"],
  [/\.fc[12]\.(weight|bias)$|\.se\.|\.conv_reduce\./, "a network with squeeze-and-excitation"],
  [/^layer1\.0\.conv1\./, "a ResNet of another width or depth"],
];

/** The family that a state dict's names belong to, for an error's message; undefined where none is known. */
export function looksLike(tensors: TensorShapes): string | undefined {
  const names = [...tensors.keys()];
  return FAMILIES.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
}
