/**
 * MobileNetV2 (Sandler et al. 2018) with static or dynamic convolutions. Names and shapes are those of torchvision and
 * of the published ODConv checkpoints. The stem is always static.
 *
 * @module
 */

import type { Value } from "../../graph/graph.ts";
import { add } from "../../graph/ops/elementwise.ts";
import { globalAvgPool } from "../../graph/ops/pooling.ts";
import { BatchNorm2d } from "../../nn/batch_norm2d.ts";
import { Conv2d } from "../../nn/conv2d.ts";
import { Linear } from "../../nn/linear.ts";
import { Module, type Trace } from "../../nn/module.ts";
import { Sequential } from "../../nn/sequential.ts";
import { ReLU6 } from "../../nn/activations.ts";
import { Dropout } from "../../nn/stateless.ts";
import type { ConvolutionFactory } from "./convolution.ts";

/** Table 2 of the paper: [expansion, channels, blocks, stride of the first block]. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** Rounds to a multiple of 8, by at most 10% down. */
function roundChannels(channels: number): number {
  const rounded = Math.max(8, Math.trunc((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

function convBnRelu6(convolution: Module, channels: number): Module {
  return new Sequential(convolution, new BatchNorm2d(channels), new ReLU6());
}

class InvertedResidual extends Module {
  readonly #residual: boolean;

  constructor(conv: ConvolutionFactory, cin: number, cout: number, stride: number, expansion: number) {
    super();
    this.#residual = stride === 1 && cin === cout;
    const hidden = cin * expansion;
    const layers = expansion === 1 ? [] : [convBnRelu6(conv(cin, hidden, 1, 1), hidden)];
    layers.push(convBnRelu6(conv(hidden, hidden, 3, stride, hidden), hidden));
    this.register("conv", new Sequential(...layers, conv(hidden, cout, 1, 1), new BatchNorm2d(cout)));
  }

  override forward(trace: Trace, x: Value): Value {
    const y = trace.call("conv", x);
    return this.#residual ? trace.apply(add, { a: x, b: y }, {}) : y;
  }
}

/** x [B, 3, H, W] -> logits [B, classes]. */
export class MobileNetV2 extends Module {
  /** `conv` makes every convolution except the stem. */
  constructor(widthMultiplier: number, conv: ConvolutionFactory, numClasses: number) {
    super();
    let cin = roundChannels(32 * widthMultiplier);
    const features = [convBnRelu6(new Conv2d(3, cin, 3, { stride: 2, padding: 1, bias: false }), cin)];
    for (const [expansion, channels, blocks, stride] of STAGES) {
      const cout = roundChannels(channels * widthMultiplier);
      for (let i = 0; i < blocks; i++) {
        features.push(new InvertedResidual(conv, cin, cout, i === 0 ? stride : 1, expansion));
        cin = cout;
      }
    }
    const last = roundChannels(1280 * Math.max(1, widthMultiplier));
    features.push(convBnRelu6(conv(cin, last, 1, 1), last));
    this.register("features", new Sequential(...features));
    this.register("classifier", new Sequential(new Dropout(0.2), new Linear(last, numClasses)));
  }

  /** Emits the network's operators. */
  override forward(trace: Trace, x: Value): Value {
    return trace.call("classifier", trace.apply(globalAvgPool, { x: trace.call("features", x) }, {}));
  }
}
