/**
 * Counts parameters and multiply-adds of a model and lists its layers, for `inspect` and for programs.
 *
 * @module
 */

import { fuseMixing } from "../../graph/passes/fuse_mixing.ts";
import { Conv2d } from "../../nn/conv2d.ts";
import { ODConv2d } from "../../nn/odconv2d.ts";
import type { InferenceConfig } from "../config/inference_config.ts";
import type { Model } from "./model.ts";
import type { Published } from "../architectures/published.ts";
import { findPublished, type ModelConfig } from "../architectures/registry.ts";

/** A convolution of the network. */
export interface LayerSummary {
  /** Path of the layer, such as "layer1.0.conv1". */
  readonly name: string;
  /** The layer's type: static or dynamic. */
  readonly type: "Conv2d" | "ODConv2d";
  /** Number of input channels. */
  readonly inChannels: number;
  /** Number of output channels. */
  readonly outChannels: number;
  /** Kernel size, [kh, kw]. */
  readonly kernelSize: readonly [number, number];
  /** Stride, [vertical, horizontal]. */
  readonly stride: readonly [number, number];
  /** Number of channel groups. */
  readonly groups: number;
  /**
   * The attentions that the layer has. A depthwise layer has no filter attention, a 1x1 layer no spatial attention, and
   * a layer with a single kernel no kernel attention.
   */
  readonly attentions: readonly ("channel" | "filter" | "spatial" | "kernel")[];
  /** Number of trainable parameters, attention branch included. */
  readonly parameters: number;
  /** Number of multiply-adds for one image, attention branch included. */
  readonly madds: number;
  /** Shape of the output, [1, Cout, H', W']. */
  readonly outputShape: readonly number[];
}

/** A summary of a model. `inspect --json` prints it; its format is stable. */
export interface ModelSummary extends Required<ModelConfig> {
  /** Number of trainable parameters. */
  readonly parameters: number;
  /** Number of multiply-adds for one image; see Model.countMadds. */
  readonly madds: number;
  /** The authors' published figures for this configuration, or null. */
  readonly published: Published | null;
  /** The inference settings. */
  readonly inference: InferenceConfig;
  /** Names, shapes and types of the state dict's tensors, in PyTorch's order. */
  readonly stateDict: readonly { name: string; shape: readonly number[]; dtype: "float32" | "int64" }[];
  /** All convolutions, in the order of the state dict. */
  readonly layers: readonly LayerSummary[];
}

const HEADS = { channel_fc: "channel", filter_fc: "filter", spatial_fc: "spatial", kernel_fc: "kernel" } as const;

/** Returns the summary of a model. */
export function summarize(model: Model): ModelSummary {
  return {
    ...model.config,
    parameters: model.countParameters(),
    madds: model.countMadds(),
    published: findPublished(model.config) ?? null,
    inference: model.inference,
    stateDict: model.stateDictSpec().map(({ name, shape, dtype }) => ({
      name,
      shape,
      dtype: dtype === "F32" ? "float32" : "int64",
    })),
    layers: summarizeLayers(model),
  };
}

function summarizeLayers(model: Model): LayerSummary[] {
  const { nodes } = fuseMixing(model.trace());
  const rows: LayerSummary[] = [];
  for (const [name, module] of model.network.namedModules()) {
    if (!(module instanceof Conv2d || module instanceof ODConv2d)) continue;
    const own = nodes.filter((n) => n.name === name || n.name.startsWith(`${name}.`));
    const heads = module.children.get("attention")?.children;
    const { inChannels, outChannels, kernelSize, stride, groups } = module;
    rows.push({
      name,
      type: module instanceof ODConv2d ? "ODConv2d" : "Conv2d",
      inChannels,
      outChannels,
      kernelSize,
      stride,
      groups,
      attentions: Object.entries(HEADS).filter(([head]) => heads?.has(head)).map(([, attention]) => attention),
      parameters: module.countParameters(),
      madds: own.reduce((n, { op, operands, attributes, output }) => {
        return n + (op.madds?.(operands, attributes, output.shape) ?? 0);
      }, 0),
      outputShape: own.at(-1)!.output.shape,
    });
  }
  return rows;
}
