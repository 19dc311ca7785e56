/**
 * Other naming conventions for the layers of the known networks, each as rules from its names to ours. A convention is
 * listed only if its networks compute the same, including batch norm's epsilon and the padding of convolutions.
 *
 * @module
 */

/** A naming convention. */
export interface Spelling {
  /**
   * Its owner, for messages. Undefined for our own convention, which is that of torchvision and the published
   * checkpoints.
   */
  readonly whose?: string;
  /** Returns our name for one of its names. Returns undefined if the convention has no such name. */
  translate(name: string): string | undefined;
}

type Rule = readonly [pattern: RegExp, ours: string | ((...groups: string[]) => string | undefined)];

/** Index in `features` of the first block of each MobileNetV2 stage. */
const STAGES = [1, 2, 4, 7, 11, 14, 17];
/** Layers of a block in `conv`, without and with an expansion. */
const PLAIN = ["0.0", "0.1", "1", "2"], EXPANDING = ["0.0", "0.1", "1.0", "1.1", "2", "3"];

/** Returns the name of a block's layer, from its index in MobileNetV2 and the layer names of such a block. */
function blockLayer(block: number, layer: string, plain: readonly string[], expanding: readonly string[]) {
  const place = block === 1 ? PLAIN[plain.indexOf(layer)] : EXPANDING[expanding.indexOf(layer)];
  return place && `features.${block}.conv.${place}.`;
}

const MOBILENET_TIMM: readonly Rule[] = [
  [/^conv_stem\./, "features.0.0."],
  [/^bn1\./, "features.0.1."],
  [/^blocks\.([0-6])\.(\d)\.(\w+)\./, (stage, block, layer) =>
    blockLayer(
      STAGES[Number(stage)] + Number(block),
      layer,
      ["conv_dw", "bn1", "conv_pw", "bn2"],
      ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"],
    )],
  [/^conv_head\./, "features.18.0."],
  [/^bn2\./, "features.18.1."],
  [/^classifier\./, "classifier.1."],
];

const MOBILENET_MMPRETRAIN: readonly Rule[] = [
  [/^conv1\.conv\./, "features.0.0."],
  [/^conv1\.bn\./, "features.0.1."],
  [/^layer([1-7])\.(\d)\.conv\.(\d\.(?:conv|bn))\./, (stage, block, layer) =>
    blockLayer(
      STAGES[Number(stage) - 1] + Number(block),
      layer,
      ["0.conv", "0.bn", "1.conv", "1.bn"],
      ["0.conv", "0.bn", "1.conv", "1.bn", "2.conv", "2.bn"],
    )],
  [/^conv2\.conv\./, "features.18.0."],
  [/^conv2\.bn\./, "features.18.1."],
];

/** Blocks without inner sequences: convolutions, norms and activations are numbered consecutively. */
const MOBILENET_FLAT: readonly Rule[] = [
  [
    /^features\.(\d+)\.conv\.(\d)\./,
    (block, layer) => blockLayer(Number(block), layer, ["0", "1", "3", "4"], ["0", "1", "3", "4", "6", "7"]),
  ],
  [/^features\.((?:0|18)\.[01])\./, (layer) => `features.${layer}.`],
  [/^conv\.([01])\./, (layer) => `features.18.${layer}.`],
  [/^classifier\.(?:1\.)?/, "classifier.1."],
];

const next = (number: string) => String(Number(number) + 1);

const RESNET_TRANSFORMERS: readonly Rule[] = [
  [/^embedder\.embedder\.convolution\./, "conv1."],
  [/^embedder\.embedder\.normalization\./, "bn1."],
  [
    /^encoder\.stages\.(\d)\.layers\.(\d+)\.layer\.(\d)\.(convolution|normalization)\./,
    (stage, block, layer, kind) =>
      `layer${next(stage)}.${block}.${kind === "convolution" ? "conv" : "bn"}${next(layer)}.`,
  ],
  [
    /^encoder\.stages\.(\d)\.layers\.(\d+)\.shortcut\.(convolution|normalization)\./,
    (stage, block, kind) => `layer${next(stage)}.${block}.downsample.${kind === "convolution" ? 0 : 1}.`,
  ],
];

/** All conventions, our own first. */
export const SPELLINGS: readonly Spelling[] = [
  { translate: (name) => name },
  { whose: "timm", translate: (name) => apply(MOBILENET_TIMM, name) },
  { whose: "mmpretrain", translate: (name) => apply(MOBILENET_MMPRETRAIN, name) },
  { whose: "older MobileNetV2 code", translate: (name) => apply(MOBILENET_FLAT, name) },
  { whose: "transformers", translate: (name) => apply(RESNET_TRANSFORMERS, name) },
];

function apply(rules: readonly Rule[], name: string): string | undefined {
  for (const [pattern, ours] of rules) {
    const found = pattern.exec(name);
    if (!found) continue;
    const start = typeof ours === "string" ? ours : ours(...found.slice(1));
    return start && start + name.slice(found[0].length);
  }
  return undefined;
}
