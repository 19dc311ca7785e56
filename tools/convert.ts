/**
 * `deno task convert`: converts a PyTorch checkpoint to a safetensors file that describes itself.
 *
 * @module
 */

import { dirname } from "node:path";
import { type NonFinite, watchFinite } from "../src/checkpoint/tensors/non_finite.ts";
import { type Checkpoint, openCheckpoint } from "../src/checkpoint/open.ts";
import { pathOf } from "../src/checkpoint/source/source.ts";
import { partOf } from "../src/checkpoint/write/file.ts";
import { writeSafetensors } from "../src/checkpoint/write/safetensors.ts";
import { CIFAR10_NAMES } from "../src/data/labels/cifar10_names.ts";
import { CheckpointError } from "../src/errors.ts";
import { findNetwork, type FoundNetwork } from "../src/models/find/find_network.ts";
import { inferenceOf } from "../src/models/load.ts";
import { decodeMetadata, encodeMetadata, type Provenance } from "../src/models/config/metadata.ts";
import { createModel, type Model } from "../src/models/model/model.ts";
import { findArchitecture, type ModelConfig, REGISTRY } from "../src/models/architectures/registry.ts";
import { whyMissing } from "../src/unreadable_name.ts";
import { type Command, execute, oneOf, positiveNumber, UsageError, wholeNumber } from "./support/command.ts";
import { CONFIG_HELP, CONFIG_STRINGS, parseConfigFlags } from "./support/config_flags.ts";
import { confine, type Confinement, leave, mayDoEverything } from "./support/confine.ts";
import { giveUp } from "./support/give_up.ts";
import { describeClasses, describeImages } from "./support/inference_rows.ts";
import { onInterrupt } from "./support/interrupt.ts";
import { parseModelName, publishedNames } from "./support/model_name.ts";
import { checkFolderOf } from "./support/output.ts";
import { printNotes } from "./support/notes.ts";
import { printable } from "./support/printable.ts";
import { type Progress, progress } from "./support/progress.ts";
import { bytes, yellow } from "./support/style.ts";
import { isFile } from "./support/weights.ts";

const HELP = `
Converts a PyTorch checkpoint to safetensors, checking every tensor against the model.

Usage: deno task convert SOURCE [options]

SOURCE is one of
  FILE                            .pth, .pth.tar, .pt (any version of torch.save), .safetensors,
                                  or the model.safetensors.index.json of a sharded checkpoint
  hf:OWNER/REPO[@REVISION][/FILE] a file on the Hugging Face hub (HF_TOKEN, HF_ENDPOINT, HF_HOME count)
  https://...                     a URL
  NAME                            a published model (od_resnet50): says where its authors offer it

Options
  --arch NAME         the architecture; this and the next three are read off the checkpoint unless given
  --kernel-num N      kernels of an ODConv layer
  --reduction R       width of the attention branches
  --num-classes N     classes
  --key KEY           the state dict to take where the file holds several (state_dict_ema, state.model)
  --prefix P          what the names of the network's tensors begin with, where a state dict holds several (student.);
                      if left out what all names of its only network begin with
  --out FILE          where to write, whatever is there; if left out weights/ARCH[_Nx][_Cc].safetensors: N kernels of an
                      ODConv layer, C classes where that is not the architecture's usual number. What was converted
                      from another source is not overwritten there
  --dtype f32|f16     type of the numbers written; f32 if left out, f16 halves the file
  --verbose           show the stack of an error
  -h, --help          show this

${CONFIG_HELP}
The file keeps all this, and whatever loads it obeys. From the hub it is taken from the repository's config.json, if that is
timm's. Where nothing says what the classes are, 1000 classes of an ImageNet network are ImageNet's; others are numbers.

Examples
  deno task convert od_resnet50_4x.pth.tar
  deno task convert hf:timm/resnet18.tv_in1k --dtype f16
  deno task convert checkpoint.pth --key state_dict_ema --out weights/mine.safetensors

Exit code: 0 written, 1 the checkpoint does not fit or cannot be read (nothing is written), 2 wrong usage.
`;

const DEFAULT_FOLDER = "weights/";

/** The command line; exported for tests. */
export const command: Command<
  | "arch"
  | "kernel-num"
  | "reduction"
  | "num-classes"
  | "key"
  | "prefix"
  | "out"
  | "dtype"
  | typeof CONFIG_STRINGS[number]
> = {
  name: "deno task convert",
  help: HELP,
  string: ["arch", "kernel-num", "reduction", "num-classes", "key", "prefix", "out", "dtype", ...CONFIG_STRINGS],
  async run(args) {
    if (args._.length !== 1) throw new UsageError(`one SOURCE is needed, there are ${args._.length}`);
    const source = args._[0];
    const overrides: Partial<ModelConfig> = defined({
      arch: oneOf("arch", args.arch, [...REGISTRY.keys()]),
      kernelNum: wholeNumber("kernel-num", args["kernel-num"]),
      reduction: positiveNumber("reduction", args.reduction),
      numClasses: wholeNumber("num-classes", args["num-classes"]),
    });
    const dtype = oneOf("dtype", args.dtype, ["f32", "f16"]) ?? "f32";
    const isThere = isAddress(source) || !await isMissing(pathOf(source));
    const published = isThere ? undefined : parseModelName(source);
    if (published) return explain(published.arch, published.kernelNum ?? overrides.kernelNum);

    if (!isThere) {
      const names = /^[\w-]+$/.test(source) ? `, and no such model: published are ${publishedNames()}` : "";
      throw new CheckpointError(`${source}: there is no such file${whyMissing(source)}${names}`, {
        cause: new Deno.errors.NotFound(source),
      });
    }
    if (!isAddress(source)) {
      giveUp("net", "env", "sys");
      if (mayDoEverything()) return await confine(import.meta.url, await needsOf(source, args));
    }
    const configure = await parseConfigFlags(args);

    const bars = new Bars();
    try {
      const checkpoint = await openCheckpoint(source, {
        key: args.key,
        onProgress: (what, done, total) => bars.update(`downloading ${what}`, done, total),
      });
      try {
        await convert(checkpoint, overrides, { prefix: args.prefix, out: args.out, dtype, bars, configure });
      } finally {
        checkpoint.close();
      }
    } finally {
      bars.end();
    }
  },
};

function isAddress(source: string): boolean {
  return /^(hf:|https?:)/i.test(source);
}

/**
 * Returns the paths that a conversion reads and writes. The shards of an index are in its folder. The output is first
 * written to a temporary file in its folder.
 */
async function needsOf(
  path: string,
  { out = `${DEFAULT_FOLDER}x`, "class-names": names }: { readonly out?: string; readonly "class-names"?: string },
): Promise<Confinement> {
  const source = pathOf(path);
  let folder = dirname(out);
  // Folders that do not exist are created.
  while (!await exists(folder) && !await exists(dirname(folder)) && dirname(folder) !== folder) {
    folder = dirname(folder);
  }
  const weights = await looksLikeIndex(source) ? dirname(source) : source;
  return { read: [weights, folder, ...(names === undefined ? [] : [names])], write: [folder] };
}

async function looksLikeIndex(path: string): Promise<boolean> {
  if (!await isFile(path)) return false;
  using file = await Deno.open(path);
  const start = new Uint8Array(64);
  await file.read(start);
  return /^\s*\{/.test(new TextDecoder().decode(start));
}

/** Returns whether nothing exists at the path. Other errors are reported when the file is opened. */
async function isMissing(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => false, (error) => error instanceof Deno.errors.NotFound);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

interface Target {
  readonly prefix?: string;
  readonly out?: string;
  readonly dtype: "f32" | "f16";
  readonly bars: Bars;
  readonly configure: (model: Model) => Model;
}

async function convert(checkpoint: Checkpoint, overrides: Partial<ModelConfig>, target: Target): Promise<void> {
  const found = findNetwork(checkpoint, overrides, { prefix: target.prefix });
  const model = target.configure(createModel(found.config, await inferenceOf(checkpoint, found.config)));
  const sha256 = await checkpoint.sha256();
  const metadata = encodeMetadata(model.config, provenanceOf(checkpoint, sha256), model.inference);
  const out = target.out ?? `${DEFAULT_FOLDER}${nameOf(model)}.safetensors`;
  if (target.out === undefined) await checkSameSource(out, sha256);
  await Deno.mkdir(dirname(out), { recursive: true });
  await checkFolderOf(out);
  using _ = onInterrupt(() => {
    target.bars.end();
    removeIfThere(partOf(out));
    checkpoint.close();
  });
  const broken: NonFinite[] = [];
  await writeSafetensors(out, watchFinite(found.tensors, (tensor) => broken.push(tensor)), metadata, {
    dtype: target.dtype === "f16" ? "F16" : "F32",
    onProgress: (done, total) => target.bars.update("writing", done, total),
  });
  target.bars.end();

  printNotes(checkpoint.name, found);
  if (broken.length) console.error(`${yellow("warning")}: ${warning(broken)}`);
  console.log(`read     ${checkpoint.name} (${checkpoint.format}, ${found.tensors.size} tensors${whereOf(found)})`);
  console.log(`model    ${summary(model)}`);
  console.log(`images   ${describeImages(model.inference)}`);
  console.log(`classes  ${describeClasses(model.inference)}`);
  console.log(`written  ${out} (${bytes(Deno.statSync(out).size)})`);
  const weights = /^weights\/([^/]+)\.safetensors$/.exec(out)?.[1] ?? out;
  const data = model.classNames?.join() === CIFAR10_NAMES.join() ? "cifar10" : "DIR";
  console.log(`next     deno task eval --weights ${weights} --data ${data}`);
}

/** Says where in the file the tensors were; empty if the file contains only tensors. */
function whereOf({ key, prefix }: FoundNetwork): string {
  return (key && ` in ${printable(key)}`) + (prefix && ` under ${printable(prefix)}*`);
}

/** Returns the source of the weights. If the file was converted before, its own source is kept. */
function provenanceOf({ name, metadata }: Checkpoint, sha256: string): Provenance {
  const { source, source_sha256: known } = metadata;
  return decodeMetadata(metadata) && source && known ? { source, sha256: known } : { source: name, sha256 };
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Lists the first tensors with NaN or infinite elements, by name. */
function warning(broken: readonly NonFinite[]): string {
  const lines = broken.slice(0, 20).map(({ name, count, of }) => `  ${name}: ${count} of ${of}`);
  if (broken.length > lines.length) lines.push(`  and ${broken.length - lines.length} more`);
  return [`elements of ${broken.length} tensors are NaN or infinite, and were written so:`, ...lines].join("\n");
}

/**
 * "od_resnet50_4x", "resnet18_7c". A static model has no number of kernels. The architecture's default number of
 * classes is left out.
 */
function nameOf({ config: { arch, kernelNum, numClasses } }: Model): string {
  const { layer, numClasses: usual } = findArchitecture(arch);
  return arch + ("kernelNum" in layer.options ? `_${kernelNum}x` : "") +
    (numClasses === usual ? "" : `_${numClasses}c`);
}

/** Throws CheckpointError if `out` exists and was not converted from the source with this SHA-256. */
async function checkSameSource(out: string, sha256: string): Promise<void> {
  if (!await isFile(out)) return;
  const { source, source_sha256: found } = await metadataOf(out);
  if (found === sha256) return;
  throw new CheckpointError(
    `${out} is there already, ${source ? `converted from another source, ${source}` : "of unknown origin"}; ` +
      `name the file to write with --out, the same one to replace it`,
  );
}

/** Returns the metadata; empty if the file is not a checkpoint. */
async function metadataOf(path: string): Promise<Readonly<Record<string, string>>> {
  try {
    const { metadata, close } = await openCheckpoint(path);
    close();
    return metadata;
  } catch (error) {
    if (error instanceof CheckpointError) return {};
    throw error;
  }
}

function summary(model: Model): string {
  const { arch, kernelNum, reduction, numClasses } = model.config;
  const kernels = "kernelNum" in findArchitecture(arch).layer.options
    ? `kernel_num ${kernelNum}, reduction ${reduction}, `
    : "";
  return `${arch}, ${kernels}${numClasses} classes, ${(model.countParameters() / 1e6).toFixed(2)} million parameters`;
}

/** Says where a published model can be downloaded. Returns the exit code; nothing is converted. */
function explain(arch: string, kernelNum?: number): number {
  const all = findArchitecture(arch).published;
  const rows = all.filter((p) => kernelNum === undefined || p.kernelNum === kernelNum);
  if (!rows.length) {
    throw new CheckpointError(
      `the authors publish no ${arch}${kernelNum === undefined ? "" : ` with ${kernelNum} kernels`}` +
        `${
          all.length ? `, only with ${all.map((p) => p.kernelNum).join(" and ")}` : `; they publish ${publishedNames()}`
        }. ` +
        `A checkpoint of your own is converted by naming its file`,
    );
  }
  console.log(`${arch} is published by its authors, for a browser to download:\n`);
  for (const { kernelNum: n, url, parametersM, top1 } of rows) {
    const which = "kernelNum" in findArchitecture(arch).layer.options ? `kernel_num ${n}: ` : "";
    const size = bytes(parametersM * 4e6);
    console.log(`  ${which}top-1 ${top1}%, ${parametersM} million parameters (about ${size} or more)\n    ${url}\n`);
  }
  console.log("Save the file, then convert it:\n\n  deno task convert THE_FILE_YOU_SAVED");
  return 0;
}

/** Drops undefined members, so that spreading the result overrides nothing by accident. */
function defined<T extends object>(record: T): Partial<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Shows one progress bar at a time. */
class Bars {
  #label = "";
  #bar: Progress | undefined;

  update(label: string, done: number, total: number | undefined): void {
    if (label !== this.#label) {
      this.end();
      this.#label = label;
      this.#bar = progress(label, total, bytes);
    }
    this.#bar?.update(done);
  }

  end(): void {
    this.#bar?.end();
    this.#bar = undefined;
    this.#label = "";
  }
}

if (import.meta.main) leave(await execute(command, Deno.args));
