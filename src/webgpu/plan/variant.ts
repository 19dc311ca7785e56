/**
 * The ways to compute a node that a device may choose from: what the choice and the kernels share. Kernels' choices are made in
 * kernels/convolution/choice.
 *
 * @module
 */

import type { Node } from "../../graph/graph.ts";

/** What an invocation computes. */
export interface Tile {
  /** Neighbouring output pixels of a row. */
  readonly columns: number;
  /** Such rows; 1 if left out. */
  readonly rows?: number;
  /** Blocks of four output channels. */
  readonly outputs: number;
  /** Invocations of a workgroup; 8 if left out. */
  readonly lanes?: number;
  /** How a workgroup's invocations share what they load, if they do. */
  readonly shared?: "workgroup" | "subgroups";
  /** Lanes that share by subgroups: the smallest size of a subgroup. */
  readonly team?: number;
}

/** Tile sizes of Winograd's algorithm: m of F(m, 3). */
export type WinogradSize = 2 | 4;

/** Where a dynamic convolution meets its attentions. */
export type Mixing =
  /** Each sample's kernel is mixed into memory first. */
  | "mixed"
  /** The n kernels serve the batch; attentions mix and scale what is loaded. */
  | "shared";

/** What every way to compute a convolution has. */
interface ConvolutionVariant {
  /** Unique among the variants of a node and stable over versions: "direct-8x2", "mixed-winograd4-14x4". */
  readonly name: string;
  /** What an invocation computes, of the convolution or of the matrix products. */
  readonly tile: Tile;
  /** For dynamic convolutions. */
  readonly mixing?: Mixing;
}

/** Sums the window's taps; a 1x1 window's are a matrix product. */
export interface DirectVariant extends ConvolutionVariant {
  readonly algorithm: "direct";
}

/** Minimal filtering, for 3x3 windows of stride 1. */
export interface WinogradVariant extends ConvolutionVariant {
  readonly algorithm: "winograd";
  /** m of F(m, 3). */
  readonly size: WinogradSize;
}

/** One way to compute a node. */
export type Variant = DirectVariant | WinogradVariant;

/** Chooses one of a node's variants, which are never empty. */
export type ChooseVariant = (node: Node, variants: readonly Variant[]) => Variant;
