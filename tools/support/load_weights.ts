/**
 * Loads the weights that a person named.
 *
 * @module
 */

import { loadModel } from "../../src/models/load.ts";
import type { Model } from "../../src/models/model/model.ts";
import type { ModelConfig } from "../../src/models/architectures/registry.ts";
import { printNotes } from "./notes.ts";

/** loadModel of a file, with what a person should know of the choices that were made printed to stderr. */
export async function loadWeights(path: string, config: Partial<ModelConfig> = {}): Promise<Model> {
  return await loadModel(path, config, { onFound: (found) => printNotes(path, found) });
}
