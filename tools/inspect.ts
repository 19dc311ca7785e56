/**
 * `deno task inspect`: prints tables of all architectures, or of one model's layers, tensors and exact counts. With
 * images, it writes an HTML report of the model's results.
 *
 * @module
 */

import { basename } from "node:path";
import { createModel, type Model } from "../src/models/model/model.ts";
import { completeConfig, findPublished, REGISTRY } from "../src/models/architectures/registry.ts";
import { summarize } from "../src/models/model/summary.ts";
import { type Command, execute, positiveNumber, UsageError, wholeNumber } from "./support/command.ts";
import { DEVICE_BOOLEANS, DEVICE_HELP, DEVICE_STRINGS, parseDeviceFlags } from "./support/device.ts";
import { inferenceRows } from "./support/inference_rows.ts";
import { loadWeights } from "./support/load_weights.ts";
import { checkFolderOf } from "./support/output.ts";
import { table } from "./support/table.ts";
import { findWeights, isFile } from "./support/weights.ts";

const HELP = `
Usage: deno task inspect [NAME|FILE] [options]

Without a name: every architecture with its parameters, multiply-adds and published figures.
With one: that model's layers and counts, and how it is used: size and preparation of its images, temperature, class names.
A FILE is a converted file or a checkpoint.
With images: a page that shows what the weights make of them: the answers, every layer's attentions and kernels, what layers
put out, where the time went. It needs no network and no other file.

Options:
  --image FILE      a JPEG, PNG, WebP, GIF, BMP or TIFF image; given twice, the two are compared
  --html FILE.html  where the page is written
  --temperature T   of the attentions (default: what the file says, or 1; 30 is how training starts)
  --kernel-num N    kernels an ODConv layer mixes (default 1; of a FILE: its own)
  --reduction R     width of the attention branches (default 0.0625)
  --num-classes N   classes (default: the architecture's)
  --tensors         list the state dict too
${DEVICE_HELP}
  --json            machine-readable: {"arch","kernelNum","reduction","numClasses","parameters","madds",
                    "published","inference":{"imageSize","resize","interpolation","mean","std","temperature",
                    "classNames","source"},"stateDict":[{"name","shape","dtype"}],"layers":[...]}
  -h, --help        this text
  --verbose         the stack of an error

Multiply-adds count one image: convolutions and linear layers, attention branches, the scaling of inputs and outputs by
their attentions, and 2n for each weight that is scaled and mixed from n kernels. The published figures of dynamic
networks follow an unstated convention that is within 2.2% of this one; both are shown.

Examples:
  deno task inspect
  deno task inspect od_resnet50 --kernel-num 4
  deno task inspect weights/od_resnet20_cifar10.safetensors --tensors
  deno task inspect od_resnet20_cifar10 --image cat.png --image ship.png --html report.html
`;

function printModel(model: Model, withTensors: boolean): void {
  const { arch, kernelNum, reduction, numClasses, parameters, madds, published, stateDict, layers: rows } = summarize(
    model,
  );
  const dynamic = "kernelNum" in REGISTRY.get(arch)!.layer.options
    ? `, kernel_num ${kernelNum}, reduction ${reduction}`
    : "";
  console.log(`${arch}${dynamic}, ${numClasses} classes, ${model.imageSize}x${model.imageSize} images\n`);
  console.log(table(
    ["layer", "type", "channels", "kernel", "stride", "groups", "attentions", "parameters", "multiply-adds", "output"],
    rows.map((r) => [
      r.name,
      r.type,
      `${r.inChannels} -> ${r.outChannels}`,
      r.kernelSize.join("x"),
      r.stride[0],
      r.groups,
      r.attentions.join(" "),
      r.parameters.toLocaleString("en"),
      r.madds.toLocaleString("en"),
      r.outputShape.slice(1).join("x"),
    ]),
  ));
  if (withTensors) {
    console.log(table(
      ["tensor", "shape", "type"],
      stateDict.map((t) => [t.name, `[${t.shape.join(", ")}]`, t.dtype]),
    ));
  }
  console.log(`parameters     ${parameters.toLocaleString("en")}`);
  console.log(`multiply-adds  ${madds.toLocaleString("en")}`);
  for (const [name, text] of inferenceRows(model.inference)) console.log(`${name.padEnd(14)} ${text}`);
  if (published) {
    console.log(
      `published      ${published.parametersM}M parameters, ${published.madds} multiply-adds, ImageNet top-1 ` +
        `${published.top1}, top-5 ${published.top5}\n               ${published.url}`,
    );
  }
}

function printRegistry(): void {
  const rows = [...REGISTRY].flatMap(([arch, { layer, published, imageSize }]) => {
    const dynamic = "kernelNum" in layer.options;
    const kernelNums = published.length ? published.map((p) => p.kernelNum) : dynamic ? [1, 4] : [1];
    return kernelNums.map((kernelNum) => {
      const model = createModel({ arch, kernelNum });
      const figures = findPublished(model.config);
      return [
        arch,
        dynamic ? kernelNum : "",
        imageSize,
        model.countParameters().toLocaleString("en"),
        model.countMadds().toLocaleString("en"),
        figures?.madds ?? "",
        figures?.top1 ?? "",
        figures?.top5 ?? "",
      ];
    });
  });
  console.log(table(
    ["architecture", "kernel_num", "image", "parameters", "multiply-adds", "published", "top-1", "top-5"],
    rows,
  ));
}

const STRINGS = ["kernel-num", "reduction", "num-classes", "image", "html", "temperature", ...DEVICE_STRINGS] as const;
const BOOLEANS = ["json", "tensors", ...DEVICE_BOOLEANS] as const;

/** The command line, for its tests too. */
export const command: Command<typeof STRINGS[number], typeof BOOLEANS[number], "image"> = {
  name: "inspect",
  help: HELP,
  string: STRINGS,
  boolean: BOOLEANS,
  collect: ["image"],
  async run(args) {
    if (args._.length > 1) throw new UsageError(`one NAME or FILE, not ${args._.length}`);
    const [what] = args._;
    const { html: path, image: images } = args;
    const temperature = positiveNumber("temperature", args.temperature);
    const device = parseDeviceFlags(args);
    if (images.length > 2) throw new UsageError(`one --image or two, not ${images.length}`);
    if (path === undefined ? images.length : !images.length) throw new UsageError("--image and --html go together");
    if (path !== undefined && what === undefined) throw new UsageError("--html needs weights: a NAME or FILE");
    await checkFolderOf(path);
    if (what === undefined) {
      if (args.json) console.log(JSON.stringify([...REGISTRY.keys()].map((arch) => completeConfig({ arch }))));
      else printRegistry();
      return;
    }
    const overrides = {
      kernelNum: wholeNumber("kernel-num", args["kernel-num"]),
      reduction: positiveNumber("reduction", args.reduction),
      numClasses: wholeNumber("num-classes", args["num-classes"]),
    };
    const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
    // A report needs weights: an architecture alone has no results for an image.
    const model = REGISTRY.has(what) && path === undefined && !await isFile(what)
      ? createModel({ arch: what, ...given })
      : await loadWeights(await findWeights(what), given);
    if (temperature !== undefined) model.temperature = temperature;
    if (args.json) console.log(JSON.stringify(summarize(model)));
    else if (path === undefined) printModel(model, args.tensors);
    if (path !== undefined) {
      // Imported only now: tables need no image decoders.
      const { writeReport } = await import("./inspect/write_report.ts");
      await writeReport(model, { name: basename(what), images, path, device });
      if (!args.json) console.log(`report   ${path}`);
    }
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
