/**
 * The globals that PyTorch checkpoints name, and what each is read as. An object of any other class becomes an Opaque.
 * Checkpoints contain histories, settings and other objects of a training script next to the weights. Nothing is run,
 * so such an object is no reason to refuse the weights.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { Opaque } from "../pickle/opaque.ts";
import { PickleGlobal } from "../pickle/global.ts";
import type { PickleValue } from "../pickle/value.ts";
import type { DType } from "../tensors/state_dict.ts";
import { STORAGES } from "./dtypes.ts";
import { REBUILD, rebuildUnknown } from "./rebuild.ts";

type Call = NonNullable<PickleGlobal["call"]>;

/** Globals that make needed values. */
const MAKERS: Readonly<Record<string, Call>> = {
  ...REBUILD,
  "collections.OrderedDict": ([items]) => dict(items),
  "torch.Size": ([items]) => Array.isArray(items) ? items : [],
  "builtins.dict": ([items]) => dict(items),
  "builtins.list": ([items]) => Array.isArray(items) ? items : [],
  "builtins.set": ([items]) => Array.isArray(items) ? items : [],
  "builtins.tuple": ([items]) => Array.isArray(items) ? items : [],
  "collections.defaultdict": () => new Map(),
  "collections.Counter": ([items]) => items instanceof Map ? items : new Map(),
  // Objects as protocol 1 writes them.
  "copyreg._reconstructor": ([type]) => new Opaque(type instanceof PickleGlobal ? type.name : "copyreg._reconstructor"),
};

/**
 * Functions that start programs, run text or change files. A pickle that names one attacks whoever loads it with
 * Python, so the user is warned. This is advice, not a defence: nothing is run here, whatever its name.
 */
const ATTACKS: readonly RegExp[] = [
  /^(os|posix|nt)\.(system|popen|exec\w+|spawn\w+|posix_spawnp?|fork\w*|remove|unlink|rmdir|rename|replace|kill|startfile)$/,
  /^subprocess\.(Popen|run|call|check_call|check_output|getoutput|getstatusoutput)$/,
  /^(builtins|__builtin__)\.(eval|exec|execfile|compile|open|__import__|breakpoint|input)$/,
  /^(runpy\.run_\w+|importlib\.import_module|pty\.spawn|ctypes\.CDLL|shutil\.(rmtree|move)|webbrowser\.open)$/,
];

const KNOWN: ReadonlyMap<string, PickleGlobal> = new Map(
  Object.entries(MAKERS).flatMap(([name, call]) =>
    spellings(name).map((spelling) => [spelling, new PickleGlobal(name, call)] as const)
  ),
);

/**
 * The globals of a checkpoint's pickle: a few functions that make needed values, storage classes, which are only
 * values, and everything else, whose objects become Opaque. Returns undefined for names that only an attack uses.
 */
export const TORCH_GLOBALS: Pick<ReadonlyMap<string, PickleGlobal>, "get"> = {
  get(name) {
    const known = KNOWN.get(name);
    if (known) return known;
    if (ATTACKS.some((attack) => attack.test(name))) return undefined;
    if (isStorageClass(name)) return new PickleGlobal(name);
    return new PickleGlobal(name, rebuildUnknown(name) ?? ((args) => new Opaque(name, args)));
  },
};

/** Old files also name the classes of other devices: "torch.cuda.FloatStorage". */
function isStorageClass(name: string): boolean {
  return name.startsWith("torch.") && Object.hasOwn(STORAGES, className(name));
}

function className(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** Python 2 had other names for some modules, and protocol 2 still writes them. */
function spellings(name: string): string[] {
  return [name, name.replace(/^builtins\./, "__builtin__.").replace(/^copyreg\./, "copy_reg.")];
}

/** The persistent id that torch.save writes for a storage. */
export interface StorageId {
  /** Element type. */
  readonly dtype: DType;
  /** Its key among the file's storages. */
  readonly key: string;
  /** Number of elements. */
  readonly length: number;
  /** In old files, the part of the storage that is used: [key, offset, length]. null for the whole storage. */
  readonly view: PickleValue;
}

/** Reads `("storage", type, key, location, length[, view])`. Throws CheckpointError for anything else. */
export function storageId(source: string, id: PickleValue): StorageId {
  const [tag, type, key, , length, view = null] = Array.isArray(id) ? id : [];
  const name = type instanceof PickleGlobal ? type.name : "";
  if (tag !== "storage" || !isStorageClass(name) || typeof key !== "string" || !isSize(length)) {
    throw new CheckpointError(`${source}: its pickle refers to something beside it that is not a storage of numbers`);
  }
  return { dtype: STORAGES[className(name)], key, length, view };
}

/** Returns whether a value is a valid size. */
export function isSize(value: PickleValue): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

function dict(items: PickleValue): Map<PickleValue, PickleValue> {
  const pairs = Array.isArray(items)
    ? items.filter((item): item is [PickleValue, PickleValue] => Array.isArray(item))
    : [];
  return items instanceof Map ? items : new Map(pairs);
}
