/**
 * What lies in a folder of class folders: images as os.walk finds them, links followed; what is no part of the data is
 * left out and noted.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { byCodePoint } from "../files/by_code_point.ts";
import { withPath } from "../files/read.ts";
import { someOf } from "../../some_of.ts";

/** A folder of a class. */
export interface ClassFolder {
  /** Its name in the data folder. */
  readonly name: string;
  /** Its images, as paths from the data folder on, in torchvision's order. */
  readonly images: readonly string[];
  /** A file in it that is no image, if there is one. */
  readonly other?: string;
}

/** What was found. */
export interface FolderWalk {
  /** In the order of their names. */
  readonly folders: readonly ClassFolder[];
  /** Images beside the class folders. */
  readonly loose: number;
  /** What was left out and why, a line each. */
  readonly notes: readonly string[];
}

/** Folders that systems and programs leave behind. Names that begin with a dot are left out, too. */
const LITTER = new Set([
  "@eaDir",
  "#recycle",
  "__MACOSX",
  "__pycache__",
  "lost+found",
  "$RECYCLE.BIN",
  "System Volume Information",
]);

/** True for names that are no part of a data set. */
export function isLitter(name: string): boolean {
  return name.startsWith(".") || LITTER.has(name);
}

/** What a path leads to: links are followed. */
interface Entry {
  readonly name: string;
  readonly kind: "folder" | "file" | "nothing";
  readonly isLink: boolean;
}

/** A folder to look into, and the real paths of the folders whose links lead to it. */
interface Place {
  readonly path: string;
  readonly origins: readonly string[];
}

/**
 * Looks through `root`. `isImage` says which names are images, `isClass` which folders are classes though they are named
 * like litter. Throws DataError.
 */
export async function walkClassFolders(
  root: string,
  isImage: (name: string) => boolean,
  isClass: (name: string) => boolean = () => false,
): Promise<FolderWalk> {
  return await new Walk(root, isImage, isClass).all();
}

class Walk {
  readonly #litter: string[] = [];
  readonly #loops: string[] = [];
  readonly #broken: string[] = [];

  constructor(
    readonly root: string,
    readonly isImage: (name: string) => boolean,
    readonly isClass: (name: string) => boolean,
  ) {}

  async all(): Promise<FolderWalk> {
    const classes: Place[] = [];
    let loose = 0;
    for (const { name, kind, isLink } of await entriesOf(this.root, this.isImage)) {
      if (kind === "nothing") this.#broken.push(name);
      else if (kind === "file") loose += this.isImage(name) && !isLitter(name) ? 1 : 0;
      else if (isLitter(name) && !this.isClass(name)) this.#litter.push(name);
      else await this.#enter(classes, { path: ".", origins: [] }, name, isLink);
    }
    const folders: ClassFolder[] = [];
    for (const place of classes.sort((a, b) => byCodePoint(a.path, b.path))) folders.push(await this.#class(place));
    return { folders, loose, notes: this.#notes(folders.length ? loose : 0) };
  }

  /** In torchvision's order: all folders of the class by their whole path, and the files of each by name. */
  async #class(place: Place): Promise<ClassFolder> {
    const filesOf = new Map<string, string[]>();
    const waiting = [place];
    let other: string | undefined;
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const files: string[] = [];
      for (const { name, kind, isLink } of await entriesOf(`${this.root}/${at.path}`, this.isImage)) {
        const path = `${at.path}/${name}`;
        if (isLitter(name)) {
          if (kind === "folder" || this.isImage(name)) this.#litter.push(path);
        } else if (kind === "folder") await this.#enter(waiting, at, path, isLink);
        else if (this.isImage(name)) files.push(name); // a link that leads nowhere, too: reading it is an error
        else if (kind === "nothing") this.#broken.push(path);
        else other ??= path;
      }
      filesOf.set(at.path, files.sort(byCodePoint));
    }
    const paths = [...filesOf.keys()].sort(byCodePoint);
    return {
      name: place.path,
      images: paths.flatMap((path) => filesOf.get(path)!.map((name) => `${path}/${name}`)),
      other,
    };
  }

  /** Adds a folder to those to look into, unless it is a link that leads back to where it is. */
  async #enter(places: Place[], from: Place, path: string, isLink: boolean): Promise<void> {
    if (!isLink) return void places.push({ path, origins: from.origins });
    const origins = [...from.origins, await realPath(`${this.root}/${from.path}`)];
    const target = await realPath(`${this.root}/${path}`);
    if (origins.some((origin) => isWithin(origin, target))) this.#loops.push(path);
    else places.push({ path, origins });
  }

  #notes(loose: number): string[] {
    const kinds: [string[], string][] = [
      [this.#litter, "systems and programs leave such things behind"],
      [this.#loops, "links that lead back to a folder they are in"],
      [this.#broken, "links that lead nowhere"],
    ];
    const lines = kinds.filter(([paths]) => paths.length)
      .map(([paths, what]) => `${this.root}: left out ${someOf(paths.sort(byCodePoint))}: ${what}`);
    if (loose) lines.push(`${this.root}: left out images that lie in no class folder: ${loose}`);
    return lines;
  }
}

/** Names of the folders in `root` that may be classes, sorted; none where there is no such folder. */
export async function foldersIn(root: string): Promise<string[]> {
  const entries = await entriesOf(root, () => false).catch(() => []);
  return entries.filter(({ name, kind }) => kind === "folder" && !isLitter(name)).map(({ name }) => name)
    .sort(byCodePoint);
}

/** What lies in a folder. Throws DataError for names of folders and images that Deno cannot open. */
async function entriesOf(folder: string, isImage: (name: string) => boolean): Promise<Entry[]> {
  const found = await withPath(folder, () => Array.fromAsync(Deno.readDir(folder)));
  const seen = new Set<string>();
  const entries: Entry[] = [];
  for (const { name, isDirectory, isSymlink } of found) {
    const path = `${folder}/${name}`;
    // Deno puts U+FFFD for bytes that are no UTF-8; what it then opens is another file, or none.
    const isBroken = name.includes("\ufffd") && (seen.has(name) || !await isThere(path));
    if (isBroken && (isDirectory || isImage(name)) && !isLitter(name)) {
      throw new DataError(
        `${path}: its name is not UTF-8, so that it cannot be opened; rename it, or all of them with ` +
          `"convmv -f latin1 -t utf8 -r --notest ${folder}"`,
      );
    }
    if (isBroken) continue;
    seen.add(name);
    const kind = isSymlink ? await kindOfTarget(path) : isDirectory ? "folder" : "file";
    entries.push({ name, kind, isLink: isSymlink });
  }
  return entries;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

async function kindOfTarget(path: string): Promise<Entry["kind"]> {
  try {
    return (await Deno.stat(path)).isDirectory ? "folder" : "file";
  } catch {
    return "nothing";
  }
}

async function realPath(path: string): Promise<string> {
  return await withPath(path, () => Deno.realPath(path));
}

/** True where `path` is `folder` or lies in it. Both are real paths. */
function isWithin(path: string, folder: string): boolean {
  return path.startsWith(folder) &&
    (path.length === folder.length || /[\\/]$/.test(folder) || /[\\/]/.test(path[folder.length]));
}
