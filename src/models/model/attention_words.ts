import type { AttentionName } from "./attention.ts";

/** The paper's name and the effect of each attention, in display order. */
export const ATTENTION_WORDS: readonly {
  readonly name: AttentionName;
  /** Index of the paper's symbol a. */
  readonly symbol: string;
  readonly title: string;
  readonly about: string;
  /** Why a layer lacks this attention. */
  readonly missing: string;
}[] = [
  {
    name: "spatial",
    symbol: "s",
    title: "Position",
    about: "which places of the k × k kernel count",
    missing: "its kernels are 1 × 1",
  },
  {
    name: "channel",
    symbol: "c",
    title: "Input channel",
    about: "which features it listens to",
    missing: "it is no ODConv layer",
  },
  {
    name: "filter",
    symbol: "f",
    title: "Output channel",
    about: "which features it speaks of",
    missing: "it is depthwise: each output channel has an input channel of its own, which is weighted already",
  },
  { name: "kernel", symbol: "w", title: "Kernel", about: "how its n kernels are mixed", missing: "it has one kernel" },
];
