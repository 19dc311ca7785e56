/** Creates the networks that the docs name, with random weights, in files with the names from the docs. */

import { OrderedDict } from "../../src/checkpoint/write/pickle.ts";
import { fromFile } from "../../src/checkpoint/source/source.ts";
import { sha256 } from "../../src/checkpoint/source/sha256.ts";
import { safetensorsBlob } from "../../src/checkpoint/safetensors/blob.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { type TorchValue, writeTorch } from "../../src/checkpoint/write/torch.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel, type Model } from "../../src/models/model/model.ts";
import { type HubServer, startHub } from "../checkpoint/hub_server.ts";
import { randomStateDict } from "../support/random_weights.ts";

let made: Promise<Readonly<Record<string, string>>> | undefined;

/** Returns the files by their names in the docs. They are written once and removed when the process ends. */
export function networks(): Promise<Readonly<Record<string, string>>> {
  return made ??= make();
}

async function make(): Promise<Readonly<Record<string, string>>> {
  const folder = await Deno.makeTempDir({ prefix: "odconv_networks_" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const [large, small] = ["od_resnet50", "od_resnet18"].map((arch) => createModel({ arch, kernelNum: 4 }));
  await writeCheckpoint(`${folder}/large.pth.tar`, large);
  await writeConverted(`${folder}/large.safetensors`, large, "od_resnet50_4x.pth.tar", `${folder}/large.pth.tar`);
  await writeConverted(`${folder}/small.safetensors`, small, "od_resnet18_4x.pth.tar");
  return {
    "od_resnet50_4x.pth.tar": `${folder}/large.pth.tar`,
    "weights/od_resnet50_4x.safetensors": `${folder}/large.safetensors`,
    "weights/od_resnet18_4x.safetensors": `${folder}/small.safetensors`,
    "go/model_best.pth.tar": `${folder}/large.pth.tar`,
  };
}

/** The repository that the docs name, on a hub in this process. */
export async function startHubOfDocs(): Promise<HubServer> {
  const model = createModel({ arch: "resnet18" });
  const file = await safetensorsBlob(randomStateDict(model.stateDictSpec()), { format: "pt" });
  return startHub({ "model.safetensors": await file.bytes() }, { repo: "timm/resnet18.tv_in1k" });
}

/** Writes a checkpoint as the published training script does. */
async function writeCheckpoint(path: string, model: Model): Promise<void> {
  const tensors = [...randomStateDict(model.stateDictSpec())];
  const state: TorchValue = new OrderedDict(tensors.map(([name, tensor]) => [`module.${name}`, tensor]));
  await writeTorch(path, new Map<string, TorchValue>([["epoch", 1], ["state_dict", state]]));
}

/** Writes a converted file as `convert` does. `checkpoint` is left out if there is no such file. */
async function writeConverted(path: string, model: Model, source: string, checkpoint?: string): Promise<void> {
  const hash = checkpoint ? await sha256([await fromFile(checkpoint)]) : "0".repeat(64);
  const metadata = encodeMetadata(model.config, { source, sha256: hash });
  await writeSafetensors(path, randomStateDict(model.stateDictSpec()), metadata);
}
