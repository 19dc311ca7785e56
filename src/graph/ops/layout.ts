import type { Operator, Value } from "../graph.ts";
import { size } from "../graph.ts";
import { expectShape } from "./shared.ts";

/** torch.flatten(x, 1): [B, ...] -> [B, product of the rest]. */
export const flatten: Operator<{ x: Value }, Record<never, never>> = {
  name: "flatten",
  shape: ({ x }) => [x.shape[0], size(x.shape.slice(1))],
};

/** Zero channels before and after: [B, C, H, W] -> [B, before + C + after, H, W] (the shortcut of He et al., option A). */
export const padChannels: Operator<{ x: Value }, { readonly before: number; readonly after: number }> = {
  name: "pad_channels",
  shape({ x }, { before, after }) {
    expectShape("x", x.shape, [-1, -1, -1, -1]);
    const [batch, channels, h, w] = x.shape;
    return [batch, before + channels + after, h, w];
  },
};
