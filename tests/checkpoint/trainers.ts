/**
 * Reads the checkpoints that tests/reference/write_trainer_fixtures.py wrote: whole networks in the formats of several
 * trainers.
 */

import { createHash } from "node:crypto";
import { toFloat32 } from "../../src/checkpoint/tensors/float32.ts";
import type { StateDict } from "../../src/checkpoint/tensors/state_dict.ts";
import { unpackGzip } from "../support/unpack_gzip.ts";
import { readJson } from "../support/fixtures.ts";

const FOLDER = new URL("../fixtures/trainers/", import.meta.url);

/** What PyTorch says of one of them. */
export interface TrainerFile {
  readonly file: string;
  /** How many tensors the network has. */
  readonly tensors: number;
  /** What has to be said to get it. */
  readonly ask?: { readonly key?: string; readonly prefix?: string };
  readonly key?: string;
  readonly prefix?: string;
  /** Names that are no part of the network. */
  readonly dropped?: readonly string[];
  /** Of names and values, in the network's order, as float32 and int64. */
  readonly sha256: string;
}

/** Those that hold a network. */
export const TRAINER_FILES: readonly TrainerFile[] = await readJson("trainers/trainers.json");

/** The bytes of one of them. */
export async function trainerFile(file: string): Promise<Uint8Array<ArrayBuffer>> {
  return await unpackGzip(await Deno.readFile(new URL(`${file}.gz`, FOLDER)));
}

/** Of names and values in order, as the script that wrote the files takes it. */
export async function sha256(tensors: StateDict): Promise<string> {
  const hash = createHash("sha256");
  for (const [name, tensor] of tensors) {
    hash.update(name);
    hash.update(tensor.dtype === "I64" ? await tensor.read() : new Uint8Array((await toFloat32(tensor)).buffer));
  }
  return hash.digest("hex");
}
