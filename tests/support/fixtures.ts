/** Reads the fixtures that the scripts in tests/reference wrote to tests/fixtures. */

import { toFloat32 } from "../../src/checkpoint/tensors/float32.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { fromFile } from "../../src/checkpoint/source/source.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);

/** Reads a JSON fixture. */
export async function readJson<T>(name: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(name, FIXTURES)));
}

/** Reads every float tensor of a safetensors fixture, by name. */
export async function readTensors(name: string): Promise<Map<string, Float32Array<ArrayBuffer>>> {
  const { pathname } = new URL(name, FIXTURES);
  const source = await fromFile(decodeURIComponent(pathname));
  try {
    const { tensors } = await readSafetensors(source);
    const values = new Map<string, Float32Array<ArrayBuffer>>();
    for (const [key, tensor] of tensors) values.set(key, await toFloat32(tensor));
    return values;
  } finally {
    source.close?.();
  }
}
