// deno-lint-ignore-file no-control-regex
/**
 * Says what an unsupported file is, and what to do about it.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import type { ByteSource } from "../tensors/state_dict.ts";

const ONLY = "only PyTorch's and safetensors' formats are read";

/** First bytes of other files, one character per byte. The first match counts. */
const STARTS: readonly (readonly [start: RegExp, what: string])[] = [
  [/^$/, "it is empty (was it downloaded to the end?)"],
  [/^\0*$/, "it begins with zeros alone: it was not written or not downloaded to the end"],
  [
    /^\s*(<!--|<!doctype|<html|<head)/i,
    "it is a web page, not a checkpoint; open its address in a browser to download",
  ],
  [/^\s*<\?xml/i, "it is XML: a server's error message, perhaps, or a model of OpenVINO's; open it in an editor"],
  [/^version https:\/\/git-lfs/, "it is a Git LFS pointer; fetch the file itself with `git lfs pull`"],
  [/^\x1f\x8b/, "it is compressed with gzip; unpack it first (`gunzip`, or `tar -xzf` if a tar archive is in it)"],
  [/^BZh[1-9]/, "it is compressed with bzip2; unpack it first"],
  [/^\xfd7zXZ\0/, "it is compressed with xz; unpack it first"],
  [/^\x28\xb5\x2f\xfd/, "it is compressed with Zstandard; unpack it first (`unzstd`)"],
  [/^\x04\x22\x4d\x18/, "it is compressed with LZ4; unpack it first"],
  [/^7z\xbc\xaf\x27\x1c/, "it is a 7-Zip archive; if a checkpoint lies in it, unpack it first"],
  [/^Rar!\x1a\x07/, "it is a RAR archive; if a checkpoint lies in it, unpack it first"],
  [
    /^(sys_info|pickle|tensors|storages)\0.{1,255}ustar/s,
    "it was written by a PyTorch before 0.2; load it in PyTorch and save its state dict again",
  ],
  [/^.{257}ustar/s, "it is a tar archive; if a checkpoint lies in it, unpack it first (`tar -xf`)"],
  [
    /^\x80[\x02-\x05]|^\([dl]p\d+\n|^c[\w.]+\n\w+\np\d+\n/,
    "it is a plain pickle, not written by torch.save; load it in Python with pickle and " +
    "save a dict of its tensors with torch.save",
  ],
  [/^\x89HDF/, `it is an HDF5 file (Keras?); ${ONLY}`],
  [/^\x93NUMPY/, "it is one NumPy array; a state dict has names: save tensors with torch.save or safetensors"],
  [/^\x08\x01\x12/, `it is a TensorFlow SavedModel; ${ONLY}`],
  [
    /^\x08[\x02-\x20][\x12\x1a\x3a\x42]/,
    "it is an ONNX model, whose weights have names of its own; name the PyTorch " +
    "checkpoint that it was made from",
  ],
  [/^.{4}TFL3/s, `it is a TensorFlow Lite model; ${ONLY}`],
  [/^GGUF/, `it is a GGUF file; ${ONLY}`],
  [/^(\x89PNG|\xff\xd8\xff|RIFF.{4}WEBP|GIF8)/s, "it is an image, not a checkpoint"],
  [/^%PDF/, "it is a PDF document, not a checkpoint"],
];

/** Files that are recognised by name, because their content does not identify them. */
const NAMES: readonly (readonly [name: RegExp, what: string])[] = [
  [
    /\.distcp$/,
    "it is a part of a distributed checkpoint. With PyTorch, make one file of its folder: " +
    "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER checkpoint.pth`",
  ],
  [
    /(^|[\\/])\.metadata$/,
    "it describes a distributed checkpoint. With PyTorch, make one file of its folder: " +
    "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER checkpoint.pth`",
  ],
  [
    /(^|[\\/])data\.pkl$/,
    "it is a part of a checkpoint's unpacked archive: name its folder to see how to pack that again",
  ],
  [/\.(data-\d+-of-\d+|ckpt\.index|ckpt\.meta)$/, `it is a part of a TensorFlow checkpoint; ${ONLY}`],
  [/\.msgpack$/, `it is a Flax checkpoint; ${ONLY}`],
];

/** Throws CheckpointError if the file's name shows that it is a part of something else, whatever its content. */
export function checkName({ name }: ByteSource): void {
  const what = NAMES.find(([pattern]) => pattern.test(name))?.[1];
  if (what !== undefined) throw new CheckpointError(`${name}: ${what}`);
}

/** Returns the error for a file of an unsupported kind. `start` contains its first bytes, one character per byte. */
export function refuse({ name }: ByteSource, start: string): CheckpointError {
  const what = STARTS.find(([pattern]) => pattern.test(start))?.[1] ??
    (/^[\t\n\r -~]+$/.test(start)
      ? `it is text, not a checkpoint: ${excerpt(start.trim())}`
      : "it is neither safetensors nor written by torch.save (is it damaged, or not downloaded to the end?)");
  return new CheckpointError(`${name}: ${what}`);
}
