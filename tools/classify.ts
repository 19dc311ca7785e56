/**
 * `deno task classify`: prints the likeliest classes of images.
 *
 * @module
 */

import { readBytes } from "../src/data/files/read.ts";
import { classify, type ClassScore } from "../src/evaluation/classify.ts";
import { DataError } from "../src/errors.ts";
import { type Command, execute, hintOf, UsageError, wholeNumber } from "./support/command.ts";
import { CONFIG_HELP, CONFIG_STRINGS, parseConfigFlags } from "./support/config_flags.ts";
import {
  DEVICE_BOOLEANS,
  INFERENCE_HELP,
  INFERENCE_STRINGS,
  openDeviceOf,
  parseDeviceFlags,
} from "./support/device.ts";
import { loadWeights } from "./support/load_weights.ts";
import { checkFolderOf } from "./support/output.ts";
import { printable } from "./support/printable.ts";
import { PROFILE_BOOLEANS, PROFILE_HELP, PROFILE_STRINGS, profileGraph } from "./support/profile.ts";
import { red } from "./support/style.ts";
import { findWeights } from "./support/weights.ts";

const HELP = `
Usage: deno task classify IMAGE... --weights NAME|FILE [options]

Names what is in JPEG, PNG, WebP, GIF, BMP and TIFF images. They are prepared as in an evaluation: the shorter side resized,
the middle cut out, by what the weights' file says of its images; "deno task inspect NAME" shows it.

Options:
  --weights NAME|FILE   weights/NAME.safetensors, the one weights/NAME_*.safetensors, or a checkpoint file
  --top K               how many classes (default: 5)
${INFERENCE_HELP}
${PROFILE_HELP}
  --json                machine-readable: [{"file","top":[{"class","name","probability","logit"}...]}...];
                        {"file","error"} for an image that cannot be read
  -h, --help            this text
  --verbose             the stack of an error
${CONFIG_HELP}

An image that cannot be read is named, the others are answered, and the exit code is 1.
Classes whose names nobody has said have numbers.

Examples:
  deno task classify photo.jpg --weights od_resnet50.safetensors
  deno task classify *.png --weights od_resnet20_cifar10 --top 1 --json
  deno task classify photo.jpg --weights od_resnet50.safetensors --tune --profile
`;

const STRINGS = ["weights", "top", ...CONFIG_STRINGS, ...INFERENCE_STRINGS, ...PROFILE_STRINGS] as const;
const BOOLEANS = ["json", ...DEVICE_BOOLEANS, ...PROFILE_BOOLEANS] as const;

/** The command line, for its tests too. */
export const command: Command<typeof STRINGS[number], typeof BOOLEANS[number]> = {
  name: "classify",
  help: HELP,
  string: STRINGS,
  boolean: BOOLEANS,
  async run(args) {
    if (!args._.length) throw new UsageError("name the images to classify");
    const device = parseDeviceFlags(args);
    const top = wholeNumber("top", args.top) ?? 5;
    await checkFolderOf(args.trace);
    const configure = await parseConfigFlags(args);
    const model = configure(await loadWeights(await findWeights(args.weights)));
    const backend = await openDeviceOf(device);
    try {
      const compiled = await model.compile(backend);
      const answers = [];
      let failed = 0;
      for (const file of args._) {
        try {
          const guesses = await classify(compiled, await readBytes(file), { topK: top, name: file });
          answers.push({ file, top: guesses });
          if (!args.json) print(file, guesses);
        } catch (error) {
          // A broken image does not stop the others.
          if (!(error instanceof DataError)) throw error;
          failed++;
          answers.push({ file, error: error.message });
          console.error(`${red("error")}: ${printable(error.message)}${hintOf(error)}`);
        }
      }
      if (args.json) console.log(JSON.stringify(answers, null, 2));
      if (args.profile || args.trace) {
        // With JSON on stdout, stdout has nothing else.
        const print = args.json ? console.error : console.log;
        await profileGraph(backend, model.graph(), { name: model.config.arch, trace: args.trace, print });
      }
      return failed ? 1 : 0;
    } finally {
      backend.dispose();
    }
  },
};

function print(file: string, guesses: readonly ClassScore[]): void {
  console.log(printable(file));
  for (const guess of guesses) {
    console.log(`  ${(100 * guess.probability).toFixed(2).padStart(6)} %  ${guess.name ?? `class ${guess.class}`}`);
  }
}

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
