/**
 * Lists the images in a folder of class folders in the order of os.walk. Links are followed. Entries that are not part
 * of the data are skipped and noted.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { byCodePoint } from "../files/by_code_point.ts";
import { withPath } from "../files/read.ts";
import { someOf } from "../../some_of.ts";

/** The folder of one class. */
export interface ClassFolder {
  /** Its name in the data folder. */
  readonly name: string;
  /** Its images in torchvision's order, as paths relative to the data folder. */
  readonly images: readonly string[];
  /** A file in it that is not an image, if there is one. */
  readonly other?: string;
}

/** The result of a walk. */
export interface FolderWalk {
  /** The class folders, sorted by name. */
  readonly folders: readonly ClassFolder[];
  /** Number of images next to the class folders. */
  readonly loose: number;
  /** What was skipped and why, one note per line. */
  readonly notes: readonly string[];
}

/** Names of folders that systems and programs leave behind. Names that start with a dot are skipped too. */
const LITTER = new Set([
  "@eaDir",
  "#recycle",
  "__MACOSX",
  "__pycache__",
  "lost+found",
  "$RECYCLE.BIN",
  "System Volume Information",
]);

/** Returns whether a name is not part of a data set. */
export function isLitter(name: string): boolean {
  return name.startsWith(".") || LITTER.has(name);
}

/** The target of a path: links are followed. */
interface Entry {
  readonly name: string;
  readonly kind: "folder" | "file" | "nothing";
  readonly isLink: boolean;
}

/** A folder to visit, and the real paths of the folders whose links lead to it. */
interface Place {
  readonly path: string;
  readonly origins: readonly string[];
}

/**
 * Walks through `root`. Throws DataError.
 *
 * @param isImage Returns whether a name is that of an image
 * @param isClass Returns whether a folder is a class although its name looks like litter
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

  /** Lists a class in torchvision's order: folders sorted by full path, and the files of each sorted by name. */
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
        else if (this.isImage(name)) files.push(name); // includes broken links: reading one is an error
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

  /** Adds a folder to visit, unless it is a link back to a folder on its own path. */
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

/** Returns the sorted names of the folders in `root` that may be classes. Returns none if `root` does not exist. */
export async function foldersIn(root: string): Promise<string[]> {
  const entries = await entriesOf(root, () => false).catch(() => []);
  return entries.filter(({ name, kind }) => kind === "folder" && !isLitter(name)).map(({ name }) => name)
    .sort(byCodePoint);
}

/** Lists the entries of a folder. Throws DataError if Deno cannot open a folder or an image by its name. */
async function entriesOf(folder: string, isImage: (name: string) => boolean): Promise<Entry[]> {
  const found = await withPath(folder, () => Array.fromAsync(Deno.readDir(folder)));
  const seen = new Set<string>();
  const entries: Entry[] = [];
  for (const { name, isDirectory, isSymlink } of found) {
    const path = `${folder}/${name}`;
    // Deno replaces bytes that are not UTF-8 by U+FFFD. Such a name opens another file, or none.
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

/** Returns whether `path` is `folder` or is inside it. Both are real paths. */
function isWithin(path: string, folder: string): boolean {
  return path.startsWith(folder) &&
    (path.length === folder.length || /[\\/]$/.test(folder) || /[\\/]/.test(path[folder.length]));
}
