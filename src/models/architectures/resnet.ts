/**
 * ResNet (He et al. 2015) with static or dynamic convolutions. Names and shapes are those of torchvision and of the
 * published ODConv checkpoints. In a bottleneck the 3x3 convolution is the strided one. The stem and the projections
 * are always static.
 *
 * @module
 */

import type { Value } from "../../graph/graph.ts";
import { add, relu } from "../../graph/ops/elementwise.ts";
import { globalAvgPool, maxPool2d } from "../../graph/ops/pooling.ts";
import { BatchNorm2d } from "../../nn/batch_norm2d.ts";
import { Conv2d } from "../../nn/conv2d.ts";
import { Linear } from "../../nn/linear.ts";
import { Module, type Trace } from "../../nn/module.ts";
import { Sequential } from "../../nn/sequential.ts";
import { PadShortcut } from "../../nn/stateless.ts";
import type { ConvolutionFactory } from "./convolution.ts";

/** The parameters of a ResNet. */
export interface ResNetPlan {
  /** Number of blocks of each stage. */
  readonly depths: readonly number[];
  /** True: three convolutions per block and four times the output channels. False: two convolutions. */
  readonly bottleneck: boolean;
  /**
   * For 32x32 images (section 4.2 of the paper): a 3x3 stem of 16 channels, no pooling, shortcuts without parameters.
   */
  readonly smallImages: boolean;
}

/** Convolutions of a block, in order: [name, kernel size, whether it has the block's stride]. */
const BASIC = [["conv1", 3, true], ["conv2", 3, false]] as const;
const BOTTLENECK = [["conv1", 1, false], ["conv2", 3, true], ["conv3", 1, false]] as const;

class Block extends Module {
  readonly #convolutions: typeof BASIC | typeof BOTTLENECK;

  constructor(conv: ConvolutionFactory, cin: number, width: number, stride: number, plan: ResNetPlan) {
    super();
    this.#convolutions = plan.bottleneck ? BOTTLENECK : BASIC;
    const cout = plan.bottleneck ? width * 4 : width;
    let channels = cin;
    this.#convolutions.forEach(([name, k, strided], i) => {
      const out = i === this.#convolutions.length - 1 ? cout : width;
      this.register(name, conv(channels, out, k, strided ? stride : 1));
      this.register(`bn${i + 1}`, new BatchNorm2d(out));
      channels = out;
    });
    if (stride === 1 && cin === cout) return;
    this.register(
      "downsample",
      plan.smallImages
        ? new PadShortcut(cin, cout, stride)
        : new Sequential(new Conv2d(cin, cout, 1, { stride, bias: false }), new BatchNorm2d(cout)),
    );
  }

  override forward(trace: Trace, x: Value): Value {
    const shortcut = this.children.has("downsample") ? trace.call("downsample", x) : x;
    this.#convolutions.forEach(([name], i) => {
      x = trace.call(`bn${i + 1}`, trace.call(name, x));
      if (i < this.#convolutions.length - 1) x = trace.apply(relu, { x }, {});
    });
    return trace.apply(relu, { x: trace.apply(add, { a: x, b: shortcut }, {}) }, {});
  }
}

/** x [B, 3, H, W] -> logits [B, classes]. */
export class ResNet extends Module {
  readonly #stages: string[] = [];
  readonly #smallImages: boolean;

  /** `conv` makes the convolutions inside the blocks. */
  constructor(plan: ResNetPlan, conv: ConvolutionFactory, numClasses: number) {
    super();
    this.#smallImages = plan.smallImages;
    let width = plan.smallImages ? 16 : 64;
    const stem = plan.smallImages ? { k: 3, stride: 1, padding: 1 } : { k: 7, stride: 2, padding: 3 };
    this.register("conv1", new Conv2d(3, width, stem.k, { ...stem, bias: false }));
    this.register("bn1", new BatchNorm2d(width));
    let cin = width;
    plan.depths.forEach((depth, stage) => {
      const blocks: Module[] = [];
      for (let i = 0; i < depth; i++) {
        blocks.push(new Block(conv, cin, width, stage > 0 && i === 0 ? 2 : 1, plan));
        cin = plan.bottleneck ? width * 4 : width;
      }
      this.#stages.push(`layer${stage + 1}`);
      this.register(`layer${stage + 1}`, new Sequential(...blocks));
      width *= 2;
    });
    this.register("fc", new Linear(cin, numClasses));
  }

  /** Emits the network's operators. */
  override forward(trace: Trace, x: Value): Value {
    x = trace.apply(relu, { x: trace.call("bn1", trace.call("conv1", x)) }, {});
    if (!this.#smallImages) {
      x = trace.apply(maxPool2d, { x }, { kernelSize: [3, 3], stride: [2, 2], padding: [1, 1] });
    }
    for (const stage of this.#stages) x = trace.call(stage, x);
    return trace.call("fc", trace.apply(globalAvgPool, { x }, {}));
  }
}
