/**
 * A network of one's own, with ODConv2d and skip connections: prints it, trains it for a few steps, saves and loads it.
 *
 *     deno run --allow-read --allow-write examples/own_network.ts own.safetensors
 */

import {
  BatchNorm2d,
  Conv2d,
  createModel,
  GlobalAvgPool,
  Linear,
  loadModel,
  Module,
  ODConv2d,
  openDevice,
  OPERATORS,
  ReLU,
  saveModel,
  Sequential,
  sgd,
  type Trace,
  Trainer,
  type Value,
} from "../mod.ts";

/** relu(x + bn(odconv(x))) */
class Block extends Module {
  constructor(channels: number) {
    super();
    this.register("conv", new ODConv2d(channels, channels, 3, { padding: 1, kernelNum: 2, bias: false }));
    this.register("bn", new BatchNorm2d(channels));
  }

  override forward(trace: Trace, x: Value): Value {
    const y = trace.call("bn", trace.call("conv", x));
    return trace.apply(OPERATORS.relu, { x: trace.apply(OPERATORS.add, { a: x, b: y }, {}) }, {});
  }
}

const build = () => {
  const stem = [new Conv2d(3, 8, 3, { stride: 2, padding: 1, bias: false }), new BatchNorm2d(8), new ReLU()];
  return new Sequential(...stem, new Block(8), new Block(8), new GlobalAvgPool(), new Linear(8, 2));
};

const [file] = Deno.args;
const model = createModel(build(), { imageSize: 16, classNames: ["dark", "light"] });
console.log(model.network);
console.log(`${model.countParameters()} parameters, ${model.countMadds()} multiply-adds`);

// Images of one brightness: dark ones are class 0, light ones class 1.
using device = await openDevice("auto", { work: "training" });
using trainer = await Trainer.create(model, device, { batch: 8, optimizer: sgd({ momentum: 0.9 }) });
const labels = Float32Array.from({ length: 8 }, (_, i) => i % 2);
const x = new Float32Array(8 * 3 * 16 * 16).map((_, i) => (labels[Math.floor(i / (3 * 16 * 16))] - 0.5) * 2);
for (let step = 0; step < 5; step++) {
  const { loss } = await trainer.step({ x, labels }, { learningRate: 0.1 });
  console.log(`step ${step}: loss ${loss.toFixed(4)}`);
}
await trainer.sync();
await saveModel(file, model);

// The file says that it is of no registered architecture: who loads it builds the network.
using loaded = await loadModel(file, { build });
console.log(`${loaded.config.arch}: ${loaded.classNames?.join(", ")}`);
