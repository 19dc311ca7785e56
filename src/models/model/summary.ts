/**
 * What a model is made of, counted: for `inspect`, and for a program that wants to know the same.
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

/** One convolution. */
export interface LayerSummary {
  /** Its path: "layer1.0.conv1". */
  readonly name: string;
  /** Static or dynamic. */
  readonly type: "Conv2d" | "ODConv2d";
  /** Channels of its input. */
  readonly inChannels: number;
  /** Channels of its output. */
  readonly outChannels: number;
  /** [kh, kw]. */
  readonly kernelSize: readonly [number, number];
  /** [vertical, horizontal]. */
  readonly stride: readonly [number, number];
  /** Groups of channels that do not see each other. */
  readonly groups: number;
  /** Those it has: no filter attention where depthwise, no spatial one for 1x1, no kernel one for a single kernel. */
  readonly attentions: readonly ("channel" | "filter" | "spatial" | "kernel")[];
  /** Trainable numbers, attention branch included. */
  readonly parameters: number;
  /** Of one image, attention branch included. */
  readonly madds: number;
  /** [1, Cout, H', W']. */
  readonly outputShape: readonly number[];
}

/** The stable, machine-readable form of `inspect --json`. */
export interface ModelSummary extends Required<ModelConfig> {
  /** Trainable numbers. */
  readonly parameters: number;
  /** Of one image; see Model.countMadds for what counts. */
  readonly madds: number;
  /** The authors' figures for this configuration, or null. */
  readonly published: Published | null;
  /** How it is used. */
  readonly inference: InferenceConfig;
  /** Names, shapes and types in PyTorch's order. */
  readonly stateDict: readonly { name: string; shape: readonly number[]; dtype: "float32" | "int64" }[];
  /** Every convolution, in the order of the state dict. */
  readonly layers: readonly LayerSummary[];
}

const HEADS = { channel_fc: "channel", filter_fc: "filter", spatial_fc: "spatial", kernel_fc: "kernel" } as const;

/** Counts a model. */
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
