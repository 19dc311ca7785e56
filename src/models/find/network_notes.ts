/**
 * Writes the messages about the choices that were made in a checkpoint.
 *
 * @module
 */

import { withoutWrappers } from "../../checkpoint/remapping/find_state_dict.ts";
import { CheckpointError } from "../../errors.ts";
import { isNormalizer, saysAverage } from "./beside.ts";
import { classifierOf } from "./infer.ts";
import { type Dict, identityOf, type Place } from "./network_places.ts";
import { branchOf } from "./network_rest.ts";

/** Returns the command-line flag that selects a network. */
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

export function several(source: string, meant: readonly Place[], networks: readonly Place[]): CheckpointError {
  return new CheckpointError(
    [
      `${source}: it holds ${meant.length} networks, and nothing says which one is meant. These options of convert do, as ` +
      "do loadModel's key and prefix:",
      ...meant.map((place) => `  ${flagOf(place, networks)}: ${describe(place)}`),
    ].join("\n"),
  );
}

/** Largest number of groups of names in a list. */
const MAX_GROUPS = 8;

export function notesOf(
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
  const own = new Set(dict.tensors.values().map(identityOf));
  for (const other of dicts) {
    if (networks.some((network) => network.dict === other)) continue;
    if (!other.tensors.values().some((tensor) => tensor.shape.length > 1 && !own.has(identityOf(tensor)))) continue;
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
    const names = normalizers.join(", ");
    notes.push(
      `it normalises images inside the network (${names}); here that is preprocessing, whose mean and std have to be the ` +
        "same (--mean, --std)",
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

/** Groups names by branch: "criterion.weight", "teacher.* (122)". */
function groupsOf(names: readonly string[], prefix: string): string[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const label = name.endsWith("._extra_state")
      ? "*._extra_state"
      : `${branchOf(withoutWrappers(name), prefix) ?? name}*`;
    const members = groups.get(label);
    if (members) members.push(name);
    else groups.set(label, [name]);
  }
  return [...groups].map(([label, members]) => members.length === 1 ? members[0] : `${label} (${members.length})`);
}
