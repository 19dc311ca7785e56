/**
 * Finds the network in a checkpoint: its state dict, its prefix and its configuration. Tensors are compared with the
 * known architectures; there is no list of names. If there are several networks, none is guessed.
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

/** Selects a network of a checkpoint. */
export interface FindOptions {
  /**
   * Common start of the names of the network's tensors, such as "student." or "model.backbone.". Other tensors are
   * ignored. If left out, it is the common start of all names of the only network in the file.
   */
  readonly prefix?: string;
}

/** The network in a checkpoint. */
export interface FoundNetwork {
  /** The configuration. */
  readonly config: Required<ModelConfig>;
  /** The tensors under the model's names, in the model's order. */
  readonly tensors: StateDict;
  /** Key of the state dict that holds them; "" if the file is the state dict. */
  readonly key: string;
  /** Common start of their names there, without the parts that wrappers add ("module."). */
  readonly prefix: string;
  /** Names of entries of that state dict that are not part of the network. */
  readonly dropped: readonly string[];
  /** Choices that the user should know of, one line each. */
  readonly notes: readonly string[];
}

/** Parameters of a classifier. */
const PARTS = ["weight", "bias"];

/**
 * Finds the network of a checkpoint. The configuration comes from the file's metadata, else from the names and shapes
 * of the tensors.
 *
 * @param given Overrides the configuration.
 * @throws {CheckpointError} if there is no network; if there are several and the options do not select one; if a tensor
 * is missing or has another shape or type; or if a tensor may belong to the network but no known architecture has it.
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

/** Returns the networks of a checkpoint, or what resembles them, the most likely first. Returns at least one. */
function networksIn(
  checkpoint: Pick<Checkpoint, "name" | "metadata">,
  dicts: readonly Dict[],
  given: Partial<ModelConfig>,
): Place[] {
  const described = describedConfig(checkpoint, given);
  // A file with a configuration was written with our names.
  if (described) return [placeAt(dicts[0], (tensors) => fitOf(tensors, described))];
  const places = distinct(dicts.flatMap((dict) => placesOf(dict, bestFit)).filter(({ fit }) => fit.share >= ENOUGH));
  return places.length ? places : [unknown(checkpoint.name, dicts, given)];
}

/**
 * Returns the configuration in the metadata. Invalid metadata is an error, unless the caller gives the configuration.
 */
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

/**
 * Used if nothing fits: returns the caller's architecture, so that the message can list the differences. Throws
 * CheckpointError if the caller gave none.
 */
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

/**
 * Returns the network's tensors under the model's names. Throws CheckpointError, with possible remedies, if they do not
 * fit.
 */
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
