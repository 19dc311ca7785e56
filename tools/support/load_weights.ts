/**
 * Loads the weights that the user named.
 *
 * @module
 */

import { loadModel } from "../../src/models/load.ts";
import type { Model } from "../../src/models/model/model.ts";
import type { ModelConfig } from "../../src/models/architectures/registry.ts";
import { printNotes } from "./notes.ts";

/** Calls loadModel with a file. Prints the choices that were made to stderr. */
export async function loadWeights(path: string, config: Partial<ModelConfig> = {}): Promise<Model> {
  return await loadModel(path, config, { onFound: (found) => printNotes(path, found) });
}
