import { writeSafetensors, type WriteOptions } from "../checkpoint/write_safetensors.ts";
import { encodeMetadata } from "./metadata.ts";
import type { Model } from "./model.ts";

/**
 * Writes a model's weights, with what it is and how it is used, as a safetensors file: what loadModel, the command lines and
 * safetensors' Python package read. A model in training is written as of the trainer's last sync().
 *
 * A network of no registered architecture is saved, too: of one's own layers, or after replaceConv2d. Its file says so, and
 * needs a program that builds the same network: `loadModel(path, { build: () => network })`.
 *
 * @param path Where; written beside it first, and renamed when all of it is there.
 * @throws {CheckpointError} if a tensor cannot be read, or the file cannot be written.
 */
export async function saveModel(path: string, model: Model, options: WriteOptions = {}): Promise<void> {
  await writeSafetensors(
    path,
    model.stateDict(),
    encodeMetadata(model.config, { source: "a program", sha256: "" }, model.inference),
    options,
  );
}
