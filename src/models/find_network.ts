/**
 * Finds the network in a checkpoint: in which of its state dicts, under which prefix, of which configuration. What fits a
 * known architecture decides, not a list of names; where several networks are in it, nothing is guessed.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";
import { type FoundStateDict, unwrapped, withoutWrappers } from "../checkpoint/find_state_dict.ts";
import type { Checkpoint } from "../checkpoint/open.ts";
import { isCounter, remap } from "../checkpoint/remap.ts";
import type { StateDict, Tensor } from "../checkpoint/state_dict.ts";
import { StridedTensor } from "../checkpoint/strided_tensor.ts";
import { isBeside, isNormalizer, saysAverage, saysLossOrMetric } from "./beside.ts";
import { bestFit, classifierOf, ENOUGH, type Fit, fitOf, inferConfig, inferFor, moduleOf, modulesOf } from "./infer.ts";
import { hintFor } from "./looks_like.ts";
import { decodeMetadata } from "./metadata.ts";
import { createModel } from "./model.ts";
import { completeConfig, type ModelConfig, REGISTRY } from "./registry.ts";
import { type Spelling, SPELLINGS } from "./spellings.ts";

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

/** A state dict under names without wrappers. */
interface Dict extends FoundStateDict {
  /** Its names in the file. */
  readonly raw: ReadonlyMap<string, string>;
}

/** A network in a state dict, or something like one. */
interface Place {
  readonly dict: Dict;
  readonly prefix: string;
  readonly spelling: Spelling;
  /** The dict's names by ours, of all tensors under the prefix that have one. */
  readonly names: ReadonlyMap<string, string>;
  readonly fit: Fit;
}

/** What a classifier has. */
const PARTS = ["weight", "bias"];
/** Prefixes of one state dict that are held against every architecture. */
const MAX_CANDIDATES = 12;

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
    return decodeMetadata(metadata);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    if (arch !== undefined) return undefined;
    throw new CheckpointError(`${name}: ${error.message}`);
  }
}

/** A state dict under names without wrappers; with a prefix, what is under it under the rest of its name. */
function dictOf(found: FoundStateDict, given: string | undefined): Dict {
  const all = unwrapped(found.tensors);
  const inFile = [...found.tensors.keys()];
  const entries = [...all].map(([name, tensor], i) => ({ name, tensor, raw: inFile[i] }));
  const prefix = given === undefined ? "" : prefixIn(all, given);
  const inside = entries.filter(({ name }) => name.startsWith(prefix) && name.length > prefix.length);
  return {
    key: found.key,
    tensors: new Map(inside.map(({ name, tensor }) => [name.slice(prefix.length), tensor])),
    raw: new Map(inside.map(({ name, raw }) => [name.slice(prefix.length), raw])),
    rest: [...entries.filter(({ name }) => !name.startsWith(prefix)).map(({ raw }) => raw), ...found.rest],
  };
}

/** The prefix as a caller writes it, with or without its dot and the names of wrappers, as it is in the names. */
function prefixIn(all: StateDict, given: string): string {
  const dotted = given === "" || given.endsWith(".") ? given : `${given}.`;
  const bare = withoutWrappers(`${dotted}x`).slice(0, -1);
  return [dotted, bare].find((prefix) => all.keys().some((name) => name.startsWith(prefix))) ?? dotted;
}

function noPrefix({ name, stateDicts }: Pick<Checkpoint, "name" | "stateDicts">, prefix: string): CheckpointError {
  const starts = new Set(stateDicts.flatMap(({ tensors }) => [...unwrapped(tensors).keys()].map(moduleOf)));
  const few = [...starts].slice(0, 20).map((start) => excerpt(start).slice(1, -1));
  return new CheckpointError(
    `${name}: no tensor's name begins with ${excerpt(prefix)}; they begin with ${few.join(", ")}` +
      (starts.size > few.length ? ` and ${starts.size - few.length} others` : ""),
  );
}

/** Ends of the names of all tensors that a network has. */
const LEAVES = /(^|\.)(weight|bias|running_mean|running_var)$/;
/** Prefixes have fewer parts. */
const MAX_PARTS = 12;

/** Where a state dict may hold a network: every prefix behind which there are many names that networks here have. */
function placesOf(dict: Dict, fitTo: (tensors: StateDict) => Fit | undefined): Place[] {
  const counts = new Map<string, { prefix: string; spelling: Spelling; count: number }>();
  for (const name of dict.tensors.keys()) {
    if (!LEAVES.test(name)) continue;
    for (let at = 0, parts = 0; parts < MAX_PARTS; at = name.indexOf(".", at) + 1, parts++) {
      if (parts && !at) break;
      SPELLINGS.forEach((spelling, i) => {
        if (!knownNames().has(spelling.translate(name.slice(at)) ?? "")) return;
        const prefix = name.slice(0, at);
        const candidate = counts.get(`${i} ${prefix}`) ?? { prefix, spelling, count: 0 };
        candidate.count++;
        counts.set(`${i} ${prefix}`, candidate);
      });
    }
  }
  const candidates = [...counts.values()].sort((a, b) => b.count - a.count || a.prefix.length - b.prefix.length);
  const many = candidates.filter(({ count }) => count >= candidates[0].count / 4).slice(0, MAX_CANDIDATES);
  const best = new Map<string, Place>();
  for (const { prefix, spelling } of many) {
    const names = namesUnder(dict, prefix, spelling);
    const fit = fitTo(new Map([...names].map(([ours, name]) => [ours, dict.tensors.get(name)!])));
    if (fit && fit.share > (best.get(prefix)?.fit.share ?? 0)) best.set(prefix, { dict, prefix, spelling, names, fit });
  }
  return [...best.values()];
}

/** Our names of what is under a prefix; what has none keeps its own. */
function namesUnder({ tensors }: Dict, prefix: string, { translate }: Spelling): Map<string, string> {
  const names = new Map<string, string>();
  const others: string[] = [];
  for (const name of tensors.keys()) {
    if (!name.startsWith(prefix)) continue;
    const ours = translate(name.slice(prefix.length));
    if (ours === undefined || names.has(ours)) others.push(name);
    else names.set(ours, name);
  }
  for (const name of others) {
    if (!names.has(name.slice(prefix.length))) names.set(name.slice(prefix.length), name);
  }
  return names;
}

/** Every name that a tensor of a network here has. */
function knownNames(): ReadonlySet<string> {
  return known ??= new Set(
    [...REGISTRY.keys()].flatMap((arch) => createModel({ arch, kernelNum: 2 }).stateDictSpec().map(({ name }) => name)),
  );
}
let known: ReadonlySet<string> | undefined;

/** The networks, each once: some modules are stored under two names. */
function distinct(places: readonly Place[]): Place[] {
  const found: Place[] = [];
  for (const place of places.toSorted((a, b) => rank(a) - rank(b))) {
    if (!found.some((other) => isSame(place, other))) found.push(place);
  }
  return found;
}

function isSame(a: Place, b: Place): boolean {
  return a.fit.spec.every(({ name }) => {
    const [one, other] = [tensorOf(a, name), tensorOf(b, name)];
    return one === other || (one && other && identityOf(one) === identityOf(other));
  });
}

/** Where a tensor lies: the same for one that a file names twice. */
function identityOf(tensor: Tensor): unknown {
  if (!(tensor instanceof StridedTensor)) return tensor;
  const { storage, offset, shape } = tensor;
  return `${storage.name} ${offset} [${shape}]`;
}

function tensorOf({ dict, names }: Place, ours: string): Tensor | undefined {
  const name = names.get(ours);
  return name === undefined ? undefined : dict.tensors.get(name);
}

/** Names of what holds the one network that a script trains. */
const USUAL: ReadonlySet<string> = new Set([
  ...[
    "state_dict",
    "model",
    "model_state_dict",
    "model_state",
    "state",
    "module",
    "net",
    "network",
    "params",
    "weights",
  ],
  ...["base_model", "backbone", "encoder", "resnet", "mobilenet", "timm_model"],
]);

/** 0 under usual names, 2 where averages or losses lie, 1 under others. The lowest of a checkpoint is meant. */
function rank({ dict: { key }, prefix }: Place): number {
  const parts = `${key}.${prefix}`.split(".").filter((part) => part !== "");
  if (parts.some((part) => saysAverage(part) || saysLossOrMetric(part))) return 2;
  return parts.every((part) => USUAL.has(part)) ? 0 : 1;
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
  try {
    inferConfig(dict.tensors);
  } catch (error) {
    if (error instanceof CheckpointError) throw new CheckpointError(`${name}: ${error.message}`);
    throw error;
  }
  throw new Error(`${name}: fits and does not fit`);
}

/** A state dict as it is. */
function placeAt(dict: Dict, fitTo: (tensors: StateDict) => Fit): Place {
  const [spelling] = SPELLINGS;
  return { dict, prefix: "", spelling, names: namesUnder(dict, "", spelling), fit: fitTo(dict.tensors) };
}

/** What a state dict holds beside a network and the other networks in it. */
function restOf(place: Place, networks: readonly Place[]): StateDict {
  const { dict, names, fit } = place;
  const used = new Set(fit.spec.map(({ name }) => names.get(name)));
  const usedTensors = new Set(used.values().map((name) => name && identityOf(dict.tensors.get(name)!)));
  const others = networks.filter((other) => other !== place && other.dict === dict);
  const isOther = (name: string) => others.some((other) => liesIn(name, other, place));
  const isKnown = (name: string, tensor: Tensor) => used.has(name) || usedTensors.has(identityOf(tensor));
  return new Map([...dict.tensors].filter(([name, tensor]) => !isKnown(name, tensor) && !isOther(name)));
}

/** Whether a name is of another network's branch: of "teacher." where the two are "student.net." and "teacher.net.". */
function liesIn(name: string, other: Place, place: Place): boolean {
  const branch = branchOf(other.prefix, place.prefix);
  if (branch !== undefined) return name.startsWith(branch);
  return name.startsWith(other.prefix) && modulesOf(other.fit.spec).has(moduleOf(name.slice(other.prefix.length)));
}

/** The start of a name, up to the part in which it leaves a prefix; undefined where it does not. */
function branchOf(name: string, prefix: string): string | undefined {
  const [parts, common] = [name.split("."), prefix.split(".")];
  const at = parts.findIndex((part, i) => part !== common[i]);
  return at < 0 || parts[at] === "" ? undefined : `${parts.slice(0, at + 1).join(".")}.`;
}

/**
 * The layer that is the network's classifier under another name, where the classifier is all that is missing and one layer
 * is left over that can be it; undefined where nothing or more is missing. Throws CheckpointError where there is none or
 * more than one.
 */
function findHead(source: string, place: Place, rest: StateDict): string | undefined {
  const { fit: { spec, config } } = place;
  const { name, shape: [, features] } = classifierOf(spec);
  const bias = name.replace(/weight$/, "bias");
  const lacks = spec.filter((wanted) => {
    return !isCounter(wanted.name) && tensorOf(place, wanted.name)?.shape.join() !== wanted.shape.join();
  });
  if (lacks.length !== 2 || !lacks.every((wanted) => [name, bias].includes(wanted.name))) return undefined;
  if (tensorOf(place, name) || tensorOf(place, bias)) return undefined;
  const matrices = [...rest].filter(([key, tensor]) => tensor.shape.length === 2 && !isBeside(key, tensor));
  const [[key, { shape: [classes, width] }] = ["", { shape: [] as readonly number[] }]] = matrices;
  const layer = key.replace(/\.weight$/, "");
  if (
    matrices.length === 1 && layer !== key && width === features &&
    rest.get(`${layer}.bias`)?.shape.join() === `${classes}`
  ) {
    return layer;
  }
  const found = matrices.map(([other, { shape }]) => `${other} [${shape.join(", ")}]`).slice(0, 8).join(", ");
  throw new CheckpointError(
    `${source}: it holds a ${config.arch} without its classifier: no ${name} [classes, ${features}] and no ${bias}. ` +
      (found ? `What is left over is not one layer of that shape: ${found}. ` : "It is a backbone alone. ") +
      "In PyTorch, load it into the whole network, with its classifier, and save that network's state dict",
  );
}

/** What may be a part of the network that no known architecture has, so that it cannot be left out. */
function strangersIn(
  rest: StateDict,
  place: Place,
  head: string | undefined,
  config: Required<ModelConfig>,
): Set<string> {
  const { prefix, names, fit: { spec } } = place;
  const modules = modulesOf(spec);
  const ours = new Map([...names].map(([own, name]) => [name, own]));
  const sizes = [config.numClasses, classifierOf(spec).shape[1]];
  const isStranger = (name: string, tensor: Tensor) => {
    if (head !== undefined && name.startsWith(`${head}.`)) return false;
    const own = ours.get(name);
    if (own !== undefined && modules.has(moduleOf(own))) return !/(^|\.)_extra_state$/.test(own);
    if (isBeside(name, tensor) || isNormalizer(name, tensor)) return false;
    // Beside the network's own layers, or between a backbone and its classifier, anything may belong to it.
    if (name.startsWith(prefix) || head !== undefined) return true;
    const { shape } = tensor;
    // Elsewhere, what takes its features or its answer, or gives it an image.
    return sizes.includes(shape.length === 1 ? shape[0] : shape[1]) || (shape.length === 4 && shape[0] === 3);
  };
  return new Set([...rest].filter(([name, tensor]) => isStranger(name, tensor)).map(([name]) => name));
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

/** How a command line asks for a network. */
function flagOf({ dict, prefix }: Place, networks: readonly Place[]): string {
  const flags = [];
  if (networks.some((other) => other.dict !== dict)) flags.push(`--key ${dict.key || '""'}`);
  if (networks.some((other) => other.dict === dict && other.prefix !== prefix)) {
    flags.push(`--prefix ${prefix || '""'}`);
  }
  return flags.join(" ");
}

function describe({ fit: { config: { arch }, share } }: Place): string {
  return share === 1 ? `a ${arch}` : `what looks like a ${arch}`;
}

function several(source: string, meant: readonly Place[], networks: readonly Place[]): CheckpointError {
  return new CheckpointError(
    [
      `${source}: it holds ${meant.length} networks, and nothing says which one is meant. These options of convert do, as ` +
      "do loadModel's key and prefix:",
      ...meant.map((place) => `  ${flagOf(place, networks)}: ${describe(place)}`),
    ].join("\n"),
  );
}

/** Groups of names that are listed. */
const MAX_GROUPS = 8;

function notesOf(
  place: Place,
  { networks, dicts, dropped, head }: {
    networks: readonly Place[];
    dicts: readonly Dict[];
    dropped: readonly string[];
    head?: string;
  },
): string[] {
  const { dict, prefix, spelling, fit: { spec } } = place;
  const notes: string[] = [];
  for (const other of networks) {
    if (other !== place) notes.push(`it also holds ${describe(other)}; ${flagOf(other, networks)} takes that instead`);
  }
  for (const other of dicts) {
    if (other === dict || networks.some((network) => network.dict === other)) continue;
    if (![...other.tensors.values()].some(({ shape }) => shape.length > 1)) continue;
    notes.push(`it also holds ${other.key}, which is no network that is known here`);
  }
  if ([dict.key, prefix].some(saysAverage) || dict.tensors.has(`${prefix}n_averaged`)) {
    notes.push("these weights are averages of those of a training run");
  }
  if (spelling.whose !== undefined) notes.push(`its tensors have the names of ${spelling.whose}; they were renamed`);
  if (head !== undefined) {
    notes.push(`its classifier is called ${head}; it was taken as ${classifierOf(spec).name.replace(/\.weight$/, "")}`);
  }
  const normalizers = dropped.filter((name) => dict.tensors.has(name) && isNormalizer(name, dict.tensors.get(name)!));
  if (normalizers.length) {
    notes.push(
      `it normalises images inside the network (${
        normalizers.join(", ")
      }); here that is preprocessing, whose mean and std ` +
        "have to be the same",
    );
  }
  const left = [...dropped, ...dict.rest];
  if (left.length) {
    const groups = groupsOf(left, prefix);
    const more = groups.length > MAX_GROUPS ? ` and ${groups.length - MAX_GROUPS} more` : "";
    notes.push(
      `left out ${left.length === 1 ? "1 entry that is" : `${left.length} entries that are`} no part of the network: ` +
        groups.slice(0, MAX_GROUPS).join(", ") + more,
    );
  }
  return notes;
}

/** Names by their branches: "criterion.weight", "teacher.* (122)". */
function groupsOf(names: readonly string[], prefix: string): string[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const label = name.endsWith("._extra_state")
      ? "*._extra_state"
      : `${branchOf(withoutWrappers(name), prefix) ?? name}*`;
    groups.set(label, [...groups.get(label) ?? [], name]);
  }
  return [...groups].map(([label, members]) => members.length === 1 ? members[0] : `${label} (${members.length})`);
}
