/**
 * Reads ILSVRC-2012's validation images directly from the published tar file.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { byCodePoint } from "../files/by_code_point.ts";
import type { Dataset, Sample } from "./dataset.ts";
import { openFile, readText } from "../files/read.ts";
import { mayBeIndices, readGroundTruth } from "../labels/ground_truth.ts";
import { IMAGENET_NAMES } from "../labels/imagenet.ts";
import { IMAGENET } from "../pixels/preprocessing.ts";
import { listTar } from "../files/tar.ts";

/**
 * Opens the tar file at `path`. `labelsFile` contains the classes (see `readGroundTruth` for its forms). Throws
 * DataError.
 */
export async function openIlsvrcTar(path: string, labelsFile?: string): Promise<Dataset> {
  if (!labelsFile) {
    throw new DataError(
      `${path}: a validation tar holds no classes: pass --labels FILE, the development kit's ` +
        "data/ILSVRC2012_validation_ground_truth.txt or a file with one WordNet id (n########) an image",
    );
  }
  const truth = await readText(labelsFile);
  const file = await openFile(path);
  try {
    // Synchronous, so that no other read can move the file's position in between.
    const read = (into: Uint8Array, offset: number) => readFully(file, into, offset, path);
    const members = listTar(read, file.statSync().size, path)
      // macOS adds files named ._NAME with metadata of its file system.
      .filter(({ name }) => /\.jpe?g$/i.test(name) && !/(^|\/)\._[^/]*$/.test(name))
      .sort((a, b) => byCodePoint(a.name, b.name));
    if (members.length === 0) throw new DataError(`${path}: no JPEG files in the tar file`);
    const unreadable = members.find(({ name }) => name.includes("\ufffd"));
    if (unreadable) {
      throw new DataError(
        `${path}: the name ${
          excerpt(unreadable.name)
        } in the tar file is not UTF-8, so that its place in the order of the ` +
          "names is not certain; pack the files again under UTF-8 names",
      );
    }
    const names = members.map(({ name }) => name.slice(name.lastIndexOf("/") + 1));
    const labels = readGroundTruth(truth, names, labelsFile);
    return {
      name: path,
      classes: IMAGENET_NAMES,
      numClasses: IMAGENET_NAMES.length,
      length: members.length,
      ...(mayBeIndices(truth) ? { notes: [doubt(labelsFile)] } : {}),
      preprocessing: IMAGENET,
      item: (index: number): Sample => ({ file: members[index].name, label: labels[index] }),
      load(index: number): Promise<Uint8Array<ArrayBuffer>> {
        const bytes = new Uint8Array(members[index].size);
        read(bytes, members[index].offset);
        return Promise.resolve(bytes);
      },
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

function doubt(labelsFile: string): string {
  return `${labelsFile}: its numbers are read as the development kit's, 1 to 1000; for class indices, 0 to 999, write ` +
    "each image's name before its index";
}

function readFully(file: Deno.FsFile, into: Uint8Array, offset: number, path: string): void {
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < into.length;) {
    const count = file.readSync(into.subarray(filled));
    if (count === null) throw new DataError(`${path}: the file ends at byte ${offset + filled}: was it changed?`);
    filled += count;
  }
}
