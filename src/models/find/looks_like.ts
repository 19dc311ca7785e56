import type { TensorShapes } from "./tensor_shapes.ts";

/**
 * Networks that cannot be loaded here. Each is recognised by a part of a name that only its state dicts have
 * (torchvision, timm, transformers).
 */
const FAMILIES: readonly (readonly [name: RegExp, family: string])[] = [
  [/(^|\.)features\.denseblock\d/, "DenseNet"],
  [/(^|\.)features\.\d+\.\d+\.attn\.relative_position_bias_table$/, "Swin Transformer"],
  [/(^|\.)features\.\d+\.\d+\.(block\.\d|layer_scale)/, "EfficientNet or ConvNeXt of torchvision"],
  [/(^|\.)features\.\d+\.block\.\d/, "MobileNetV3 of torchvision"],
  [/(^|\.)features\.\d+\.conv\.\d+\./, "a MobileNetV2 of another width or depth"],
  [/(^|\.)features\.\d+\.(squeeze|expand1x1)\./, "SqueezeNet"],
  [/(^|\.)(Mixed_\d|Conv2d_1a_3x3)/, "Inception v3"],
  [/(^|\.)inception\d/, "GoogLeNet"],
  [/(^|\.)trunk_output\.block\d/, "RegNet"],
  [/(^|\.)layers\.\d+\.\d+\.layers\.\d+\.(weight|running_mean)$/, "MNASNet"],
  [/(^|\.)stage[234]\.\d+\.branch[12]\./, "ShuffleNetV2"],
  [/(^|\.)stage[234]\.\d+\.branches\./, "HRNet"],
  [/(^|\.)features\.\d+\.weight$/, "VGG or AlexNet"],
  [/\.relative_position_bias_table$/, "Swin Transformer"],
  [/(^|\.)(model\.diffusion_model|down_blocks|unet)\./, "a diffusion model"],
  [/(^|\.)(layers\.0\.self_attn|transformer\.h\.0|bert|roberta)\./, "a language model"],
  [
    /(^|\.)(encoder\.layers\.encoder_layer_0|blocks\.0\.attn\.qkv|vit|visual\.transformer)\./,
    "a vision transformer (ViT)",
  ],
  [/(^|\.)encoder\.layer\.0\.attention\./, "a transformer (ViT or BERT)"],
  [/(^|\.)(visual\.)?attnpool\./, "CLIP's ResNet, whose stem and pooling are others"],
  [/(^|\.)(rpn|roi_heads|rpn_head|roi_head|bbox_head)\./, "a detector around a backbone"],
  [/(^|\.)(decode_head|seg_head|segmentation_head)\./, "a segmentation network around a backbone"],
  [
    /(^|\.)blocks\.\d+\.\d+\.(conv_(dw|pw)|se\.conv_reduce)/,
    "timm's EfficientNet, MobileNetV3 or a MobileNetV2 of another width",
  ],
  [/(^|\.)stages\.\d+\.blocks\.\d+\.(conv_dw|dwconv|gamma)/, "ConvNeXt"],
  [/(^|\.)downsample_layers\.\d/, "ConvNeXt"],
  [/\.se(_module|_block|_layer)?\.|\.conv_reduce\./, "a network with squeeze-and-excitation"],
  [/(^|\.)layer1\.0\.conv1\./, "a ResNet of another width or depth"],
];

/**
 * Returns the family that the names of a state dict belong to, for an error message. Returns undefined if none is
 * known.
 */
export function looksLike(tensors: TensorShapes): string | undefined {
  const names = [...tensors.keys()];
  return FAMILIES.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
}

/**
 * Changes that were made to a network before it was saved, recognised by a part of a name, and how PyTorch reverts
 * them.
 */
const HINTS: readonly (readonly [name: RegExp, hint: string])[] = [
  [
    /\.\w+_(orig|mask)$/,
    "Its layers are pruned or normalised by torch.nn.utils: call prune.remove(module, name), or remove_spectral_norm(module), " +
    "for each and save again",
  ],
  [
    /\.weight_[gv]$|\.parametrizations\./,
    "Its layers are parametrised: call torch.nn.utils.parametrize.remove_parametrizations(module, name), or " +
    "remove_weight_norm(module), for each and save again",
  ],
  [
    /\.(scale|zero_point|_packed_params(\.\w+)*|activation_post_process(\.\w+)*|weight_fake_quant(\.\w+)*)$/,
    "Its layers are quantised or prepared for it: save the network as it is before torch.ao.quantization changes it",
  ],
  [/\.lora_[AB]\./, "It holds LoRA's adapters: merge them into the network (merge_and_unload) and save that"],
  [/\.se(_module|_block|_layer)?\./, "It has squeeze-and-excitation, which the networks here do not have"],
];

/** Returns a possible reason why tensors do not fit, and the remedy. Returns undefined if none is known. */
export function hintFor(tensors: TensorShapes): string | undefined {
  const names = [...tensors.keys()];
  return HINTS.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
}
