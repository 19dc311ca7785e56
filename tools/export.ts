/**
 * `deno task export`: writes a converted or trained model as a file that PyTorch reads.
 *
 * @module
 */

import { dirname } from "node:path";
import { cast } from "../src/checkpoint/tensors/float32.ts";
import { type Checkpoint, openCheckpoint } from "../src/checkpoint/open.ts";
import { OrderedDict } from "../src/checkpoint/write/pickle.ts";
import { remap } from "../src/checkpoint/remapping/remap.ts";
import type { StateDict, Tensor } from "../src/checkpoint/tensors/state_dict.ts";
import { PUBLISHED_OPTIMIZER, trainingCheckpoint } from "../src/checkpoint/training/checkpoint.ts";
import { decodeOptimizer, decodeProgress } from "../src/checkpoint/training/state.ts";
import { writeSafetensors } from "../src/checkpoint/write/safetensors.ts";
import { type TorchValue, writeTorch } from "../src/checkpoint/write/torch.ts";
import { findNetwork } from "../src/models/find/find_network.ts";
import { encodeInference } from "../src/models/config/inference_config.ts";
import { inferenceOf } from "../src/models/load.ts";
import { decodeMetadata, encodeMetadata } from "../src/models/config/metadata.ts";
import { createModel, type Model } from "../src/models/model/model.ts";

import { type Command, execute, oneOf, UsageError } from "./support/command.ts";
import { printNotes } from "./support/notes.ts";
import { type Progress, progress } from "./support/progress.ts";
import { bytes } from "./support/style.ts";
import { findWeights } from "./support/weights.ts";

const HELP = `
Writes a converted or trained model for PyTorch, under PyTorch's names.

Usage: deno task export NAME|FILE --out FILE [options]

NAME is a file of weights/ without its extension. What is written depends on the end of --out's FILE:
  .pth.tar      what a training script resumes: {epoch, arch, state_dict, best_acc, optimizer}, names with the "module." of
                DistributedDataParallel. A run of train goes on from NAME.state.safetensors beside NAME.safetensors;
                without one, the optimizer is one that begins
  .pth          the state dict alone: model.load_state_dict(torch.load(FILE))
  .safetensors  the same for the safetensors library
How the model is used (size and preparation of its images, class names) goes along as "inference_config", a text of JSON: in
the dict of a .pth.tar and in the metadata of a .safetensors. A state dict alone has no place for it.

Options
  --out FILE          where to write
  --state FILE        the training state, where it is not beside the model (.pth.tar only)
  --dtype f32|f16     type of the model's numbers; as they are if left out
  --verbose           show the stack of an error
  -h, --help          show this

Examples
  deno task export od_resnet50_4x --out od_resnet50_4x.pth.tar
  deno task export runs/1/last.safetensors --out checkpoint.pth.tar
  deno task export od_resnet20_cifar10 --out od_resnet20.pth

Exit code: 0 written, 1 the model cannot be read or does not fit (nothing is written), 2 wrong usage.
`;

/** The content of the output file. */
interface Content {
  readonly model: Model;
  readonly checkpoint: Checkpoint;
  /** The model's tensors. */
  readonly tensors: StateDict;
  /** A training run that can be resumed. */
  readonly run?: { readonly state: Checkpoint; readonly tensors: StateDict };
}

type Writer = (out: string, content: Content, onProgress: (done: number, total: number) => void) => Promise<void>;

const DTYPES = { f32: "F32", f16: "F16" } as const;

/** The writer of each kind of file, by the end of its name. */
const WRITERS: readonly (readonly [extension: string, write: Writer])[] = [
  [".pth.tar", (out, content, onProgress) => writeTorch(out, trainingContent(content), { onProgress })],
  [".pth", (out, { tensors }, onProgress) => writeTorch(out, new OrderedDict<Tensor>(tensors), { onProgress })],
  [".safetensors", async (out, { model, checkpoint, tensors }, onProgress) => {
    const { name, metadata } = checkpoint;
    const own = decodeMetadata(metadata) && metadata;
    const { source = name, source_sha256: sha256 = await checkpoint.sha256() } = own ?? {};
    const described = encodeMetadata(model.config, { source, sha256 }, model.inference);
    await writeSafetensors(out, tensors, { ...own, ...described }, { onProgress });
  }],
];

/** The command line; exported for tests. */
export const command: Command<"out" | "state" | "dtype"> = {
  name: "deno task export",
  help: HELP,
  string: ["out", "state", "dtype"],
  async run(args) {
    if (args._.length !== 1) throw new UsageError(`one NAME or FILE is needed, there are ${args._.length}`);
    const { out, state } = args;
    if (out === undefined) throw new UsageError("--out is needed: the file to write");
    const [extension, write] = WRITERS.find(([end]) => out.endsWith(end)) ?? [];
    if (!write) throw new UsageError(`--out takes a file ending in .pth.tar, .pth or .safetensors, not "${out}"`);
    if (state !== undefined && extension !== ".pth.tar") throw new UsageError("--state goes into a .pth.tar only");
    const dtype = oneOf("dtype", args.dtype, ["f32", "f16"]);
    const path = await findWeights(args._[0]);
    const statePath = extension === ".pth.tar" ? state ?? await stateBeside(path) : undefined;

    let bar: Progress | undefined;
    const opened: Checkpoint[] = [];
    try {
      const checkpoint = await openCheckpoint(path);
      opened.push(checkpoint);
      if (statePath !== undefined) opened.push(await openCheckpoint(statePath));
      const content = await contentOf(checkpoint, opened[1], dtype);
      await Deno.mkdir(dirname(out), { recursive: true });
      await write(out, content, (done, total) => (bar ??= progress("writing", total, bytes)).update(done));
      bar?.end();
      report(out, content);
    } finally {
      bar?.end();
      for (const { close } of opened) close();
    }
  },
};

/** Reads and checks all tensors. Throws CheckpointError if one is missing, unexpected or of another shape. */
async function contentOf(
  checkpoint: Checkpoint,
  state: Checkpoint | undefined,
  dtype: "f32" | "f16" | undefined,
): Promise<Content> {
  const found = findNetwork(checkpoint);
  printNotes(checkpoint.name, found);
  const model = createModel(found.config, await inferenceOf(checkpoint, found.config));
  const typed = (tensors: StateDict): StateDict => {
    return dtype ? new Map([...tensors].map(([key, t]) => [key, cast(key, t, DTYPES[dtype])])) : tensors;
  };
  const tensors = typed(found.tensors);
  if (!state) return { model, checkpoint, tensors };
  const own = new Map([...state.tensors].filter(([name]) => !name.includes("/")));
  return { model, checkpoint, tensors, run: { state, tensors: typed(remap(own, model.stateDictSpec(), state.name)) } };
}

function trainingContent({ model, checkpoint, tensors, run }: Content): TorchValue {
  const { name, metadata } = run?.state ?? checkpoint;
  const state = new Map([...run?.state.tensors ?? []].filter(([key]) => key.includes("/")));
  const averaged = [...state.keys()].some((key) => key.endsWith("/average"));
  return trainingCheckpoint({
    arch: model.config.arch,
    inference: encodeInference(model.inference),
    tensors: run?.tensors ?? tensors,
    averages: averaged ? tensors : undefined,
    parameters: [...model.network.namedParameters()].map(([key]) => key),
    progress: decodeProgress(metadata, name),
    optimizer: run ? decodeOptimizer(metadata, name) : PUBLISHED_OPTIMIZER,
    state,
  });
}

/** Returns "last.state.safetensors" for "last.safetensors", if the file exists. */
async function stateBeside(path: string): Promise<string | undefined> {
  const beside = path.replace(/\.safetensors$/, ".state.safetensors");
  if (beside === path) return undefined;
  try {
    return (await Deno.stat(beside)).isFile ? beside : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function report(out: string, { model, checkpoint, tensors, run }: Content): void {
  const million = (model.countParameters() / 1e6).toFixed(2);
  console.log(
    `read     ${checkpoint.name} (${model.config.arch}, ${tensors.size} tensors, ${million} million parameters)`,
  );
  if (run) {
    const { state } = run;
    const { epoch, step, bestAccuracy } = decodeProgress(state.metadata, state.name);
    const { type } = decodeOptimizer(state.metadata, state.name);
    console.log(`state    ${state.name} (${type} after ${step} steps, epoch ${epoch}, best ${bestAccuracy} %)`);
  }
  console.log(`written  ${out} (${bytes(Deno.statSync(out).size)})`);
}

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
