/**
 * Finds the network in a checkpoint: in which of its state dicts, under which prefix, of which configuration. What fits a
 * known architecture decides, not a list of names; where several networks are in it, nothing is guessed.
 *
 * @module
 */

import { inFile } from "../../checkpoint/source/in_file.ts";
import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { unwrapped } from "../../checkpoint/remapping/find_state_dict.ts";
import type { Checkpoint } from "../../checkpoint/open.ts";
import { remap } from "../../checkpoint/remapping/remap.ts";
import type { StateDict } from "../../checkpoint/tensors/state_dict.ts";
import { bestFit, classifierOf, ENOUGH, fitOf, inferConfig, inferFor, moduleOf } from "./infer.ts";
import { hintFor } from "./looks_like.ts";
import { decodeMetadata } from "../config/metadata.ts";
import { notesOf, several } from "./network_notes.ts";
import { type Dict, dictOf, distinct, type Place, placeAt, placesOf, rank } from "./network_places.ts";
import { findHead, restOf, strangersIn } from "./network_rest.ts";
import { completeConfig, type ModelConfig } from "../architectures/registry.ts";

/** Which network of a checkpoint is meant. */
export interface FindOptions {
  /**
   * What the names of the network's tensors begin with ("student.", "model.backbone."); only such tensors are looked at. If
   * left out it is what all names of the only network in the file begin with.
   */
  readonly prefix?: string;
}

/** The network in a checkpoint. */
export interface FoundNetwork {
  /** What it is. */
  readonly config: Required<ModelConfig>;
  /** Its tensors under the model's names, in the model's order. */
  readonly tensors: StateDict;
  /** The key of the state dict that they are in; "" where the file is the state dict. */
  readonly key: string;
  /** What their names begin with there, without what wrappers put into names ("module."). */
  readonly prefix: string;
  /** Names of the entries of that state dict that are no part of the network. */
  readonly dropped: readonly string[];
  /** What a person should know of the choices that were made, a line each. */
  readonly notes: readonly string[];
}

/** What a classifier has. */
const PARTS = ["weight", "bias"];

/**
 * Finds the network. Its configuration comes from the file's metadata, else from its tensors' names and shapes; `given`
 * overrides.
 *
 * @throws CheckpointError if there is no network, if there are several and nothing says which one is meant, or if a tensor is
 * missing, of another shape or type, or may be a part of it that no known architecture has
 */
export function findNetwork(
  checkpoint: Pick<Checkpoint, "name" | "metadata" | "stateDicts">,
  given: Partial<ModelConfig> = {},
  options: FindOptions = {},
): FoundNetwork {
  const { name } = checkpoint;
  if (checkpoint.stateDicts.every(({ tensors }) => !tensors.size)) {
    throw new CheckpointError(`${name}: it holds no tensors, at most metadata`);
  }
  const dicts = checkpoint.stateDicts.map((found) => dictOf(found, options.prefix));
  if (dicts.every(({ tensors }) => !tensors.size)) throw noPrefix(checkpoint, options.prefix ?? "");
  const networks = networksIn(checkpoint, dicts, given);
  const meant = networks.filter((place) => rank(place) === rank(networks[0]));
  if (meant.length > 1) throw several(name, meant, networks);

  const [place] = meant;
  const { dict, prefix } = place;
  const rest = restOf(place, networks);
  const head = findHead(name, place, rest);
  const rows = head !== undefined && { numClasses: dict.tensors.get(`${head}.weight`)!.shape[0] };
  const config = completeConfig({ ...place.fit.config, ...rows, ...given });
  const strangers = strangersIn(rest, place, head, config);
  const tensors = collect(name, place, { config, head, strangers });
  const used = new Set(place.fit.spec.map((wanted) => place.names.get(wanted.name)));
  for (const part of PARTS) used.add(`${head}.${part}`);
  const dropped = [...dict.tensors.keys()].filter((key) => !used.has(key));
  return {
    config,
    tensors,
    key: dict.key,
    prefix,
    dropped: [...dropped.map((key) => dict.raw.get(key)!), ...dict.rest],
    notes: notesOf(place, { networks, dicts, dropped, head }),
  };
}

/** The networks of a checkpoint, or what looks like them, those that are likely meant first; at least one. */
function networksIn(
  checkpoint: Pick<Checkpoint, "name" | "metadata">,
  dicts: readonly Dict[],
  given: Partial<ModelConfig>,
): Place[] {
  const described = describedConfig(checkpoint, given);
  // A file that says what it is was written under our names.
  if (described) return [placeAt(dicts[0], (tensors) => fitOf(tensors, described))];
  const places = distinct(dicts.flatMap((dict) => placesOf(dict, bestFit)).filter(({ fit }) => fit.share >= ENOUGH));
  return places.length ? places : [unknown(checkpoint.name, dicts, given)];
}

/** What the metadata says. Nonsense is refused unless the caller says what it is. */
function describedConfig(
  { name, metadata }: Pick<Checkpoint, "name" | "metadata">,
  { arch }: Partial<ModelConfig>,
): Required<ModelConfig> | undefined {
  try {
    return inFile(name, () => decodeMetadata(metadata));
  } catch (error) {
    if (error instanceof CheckpointError && arch !== undefined) return undefined;
    throw error;
  }
}

function noPrefix({ name, stateDicts }: Pick<Checkpoint, "name" | "stateDicts">, prefix: string): CheckpointError {
  const starts = new Set(stateDicts.flatMap(({ tensors }) => [...unwrapped(tensors).keys()].map(moduleOf)));
  const few = [...starts].slice(0, 20).map((start) => excerpt(start).slice(1, -1));
  return new CheckpointError(
    `${name}: no tensor's name begins with ${excerpt(prefix)}; they begin with ${few.join(", ")}` +
      (starts.size > few.length ? ` and ${starts.size - few.length} others` : ""),
  );
}

/** Where nothing fits: the caller's architecture, to say what differs. Throws CheckpointError where there is none. */
function unknown(name: string, dicts: readonly Dict[], given: Partial<ModelConfig>): Place {
  const dict = dicts.find(({ tensors }) => tensors.size)!;
  const { arch } = given;
  if (arch !== undefined) {
    const fitTo = (tensors: StateDict) => fitOf(tensors, inferFor(tensors, arch));
    const [best] = placesOf(dict, fitTo).sort((a, b) => b.fit.share - a.fit.share);
    return best ?? placeAt(dict, fitTo);
  }
  inFile(name, () => inferConfig(dict.tensors));
  throw new Error(`${name}: fits and does not fit`);
}

/** The network's tensors under the model's names. Throws CheckpointError, with what may help, where they do not fit. */
function collect(
  source: string,
  place: Place,
  { config, head, strangers }: { config: Required<ModelConfig>; head?: string; strangers: ReadonlySet<string> },
): StateDict {
  const { dict: { tensors: all }, names, prefix, fit } = place;
  const { spec } = fitOf(new Map(), config);
  const classifier = classifierOf(spec).name.replace(/\.weight$/, "");
  const tensors: StateDict = new Map();
  for (const { name } of fit.spec) if (names.has(name)) tensors.set(name, all.get(names.get(name)!)!);
  for (const part of head === undefined ? [] : PARTS) {
    tensors.set(`${classifier}.${part}`, all.get(`${head}.${part}`)!);
  }
  for (const name of strangers) tensors.set(name.startsWith(prefix) ? name.slice(prefix.length) : name, all.get(name)!);
  try {
    return remap(tensors, spec, source);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const likely = bestFit(tensors);
    const alone = prefix !== "" && head === undefined && strangers.values().every((name) => !name.startsWith(prefix));
    const lines = [
      hintFor(tensors),
      likely && likely.share >= ENOUGH && likely.config.arch !== config.arch
        ? `These look like tensors of ${likely.config.arch}, not of ${config.arch}`
        : undefined,
      strangers.size
        ? "What is unexpected may take part in the network's answer. If it does not, " +
          (alone
            ? `--prefix ${prefix} takes the network alone`
            : "delete it from the state dict in PyTorch and save that")
        : undefined,
    ];
    throw new CheckpointError([error.message, ...lines.filter((line) => line !== undefined)].join("\n"));
  }
}
