/**
 * `deno task classify`: what a model sees in images.
 *
 * @module
 */

import { classNames } from "../src/data/class_names.ts";
import { decodeImage } from "../src/data/decode.ts";
import { readBytes } from "../src/data/files.ts";
import { preprocess } from "../src/data/preprocessing.ts";
import { openDevice } from "../src/devices.ts";
import { softmax, topK } from "../src/evaluation/accuracy.ts";
import { loadModel } from "../src/models/load.ts";
import type { CompiledModel } from "../src/models/model.ts";
import { type Command, execute, oneOf, UsageError, wholeNumber } from "./support/command.ts";
import { yellow } from "./support/style.ts";
import { findWeights } from "./support/weights.ts";

const HELP = `
Usage: deno task classify IMAGE... --weights NAME|FILE [options]

Names what is in JPEG, PNG and WebP images. They are prepared as in an evaluation: the shorter side resized to 256, the
middle 224x224 cut out. A model of 32x32 images gets the shorter side resized to 32 and the middle 32x32.

Options:
  --weights NAME|FILE   weights/NAME.safetensors, the one weights/NAME_*.safetensors, or a checkpoint file
  --top K               how many classes (default: 5)
  --device NAME         auto, webgpu or cpu (default: auto, WebGPU where there is an adapter)
  --json                machine-readable: [{"file","top":[{"class","name","probability","logit"}...]}...]
  -h, --help            this text
  --verbose             the stack of an error

Models that were not trained on ImageNet or CIFAR-10 have numbers instead of names.

Examples:
  deno task classify photo.jpg --weights od_resnet50.safetensors
  deno task classify *.png --weights od_resnet20_cifar10 --top 1 --json
`;

/** One class of an answer. */
interface Guess {
  readonly class: number;
  /** Left out where the classes have no names. */
  readonly name?: string;
  /** Softmax over all classes. */
  readonly probability: number;
  readonly logit: number;
}

const command: Command<"weights" | "top" | "device", "json"> = {
  name: "classify",
  help: HELP,
  string: ["weights", "top", "device"],
  boolean: ["json"],
  async run(args) {
    if (!args._.length) throw new UsageError("name the images to classify");
    const device = oneOf("device", args.device, ["auto", "webgpu", "cpu"]);
    const top = wholeNumber("top", args.top) ?? 5;
    const model = await loadModel(await findWeights(args.weights));
    const backend = await openDevice(device, { notice: (line) => console.error(yellow(line)) });
    try {
      const compiled = await model.compile(backend);
      const answers = [];
      for (const file of args._) {
        const guesses = await classify(compiled, file, top);
        answers.push({ file, top: guesses });
        if (!args.json) print(file, guesses);
      }
      if (args.json) console.log(JSON.stringify(answers, null, 2));
    } finally {
      backend.dispose();
    }
  },
};

async function classify(compiled: CompiledModel, file: string, k: number): Promise<Guess[]> {
  const image = await decodeImage(await readBytes(file), file);
  const logits = await compiled.run(preprocess(image, compiled.model.preprocessingOfAnySize));
  const probabilities = softmax(logits);
  const { dataset } = compiled.model;
  const names = dataset && await classNames(dataset);
  return topK(logits, k).map((score) => ({
    class: score.class,
    ...(names && { name: names[score.class] }),
    probability: probabilities[score.class],
    logit: score.logit,
  }));
}

function print(file: string, guesses: readonly Guess[]): void {
  console.log(file);
  for (const guess of guesses) {
    console.log(`  ${(100 * guess.probability).toFixed(2).padStart(6)} %  ${guess.name ?? `class ${guess.class}`}`);
  }
}

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
