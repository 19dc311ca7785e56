/**
 * The variants of a node: different ways to compute it, from which a device may choose. Kernels and the choice share
 * these types. The variants of convolutions are listed in kernels/convolution/choice.
 *
 * @module
 */

import type { Node } from "../../graph/graph.ts";

/** What an invocation computes. */
export interface Tile {
  /** Adjacent output pixels of a row. */
  readonly columns: number;
  /** The number of such rows; 1 if left out. */
  readonly rows?: number;
  /** Blocks of four output channels. */
  readonly outputs: number;
  /** Invocations of a workgroup; 8 if left out. */
  readonly lanes?: number;
  /** How a workgroup's invocations share loaded data, if they do. */
  readonly shared?: "workgroup" | "subgroups";
  /** The number of lanes that share by subgroups: the device's smallest subgroup size. */
  readonly team?: number;
}

/** The tile size m of Winograd's F(m, 3). */
export type WinogradSize = 2 | 4;

/** How a dynamic convolution applies its attentions. */
export type Mixing =
  /** Each sample's kernel is first mixed into memory. */
  | "mixed"
  /** The n kernels are shared by the batch. Attentions mix and scale what is loaded. */
  | "shared";

/** What all variants of a convolution have. */
interface ConvolutionVariant {
  /** Unique among a node's variants and stable over versions: "direct-8x2", "mixed-winograd4-14x4". */
  readonly name: string;
  /** What an invocation computes of the convolution or of the matrix products. */
  readonly tile: Tile;
  /** Only for dynamic convolutions. */
  readonly mixing?: Mixing;
}

/** Sums over the window's taps. With a 1x1 window this is a matrix product. */
export interface DirectVariant extends ConvolutionVariant {
  readonly algorithm: "direct";
}

/** Winograd's minimal filtering, for 3x3 windows of stride 1. */
export interface WinogradVariant extends ConvolutionVariant {
  readonly algorithm: "winograd";
  /** m of F(m, 3). */
  readonly size: WinogradSize;
}

/** One way to compute a node. */
export type Variant = DirectVariant | WinogradVariant;

/** Chooses one of a node's variants. There is always at least one. */
export type ChooseVariant = (node: Node, variants: readonly Variant[]) => Variant;
