/** Replaces tests/support/fixtures.ts in a page: the fixtures are fetched. */

import { toFloat32 } from "../../../src/checkpoint/tensors/float32.ts";
import { readSafetensors } from "../../../src/checkpoint/safetensors/safetensors.ts";
import { fromBytes } from "../../../src/checkpoint/source/source.ts";

async function fetchFixture(name: string): Promise<Response> {
  const response = await fetch(`/fixtures/${name}`);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

/** A JSON fixture. */
export async function readJson<T>(name: string): Promise<T> {
  return await (await fetchFixture(name)).json();
}

/** Every float tensor of a safetensors fixture, by name. */
export async function readTensors(name: string): Promise<Map<string, Float32Array<ArrayBuffer>>> {
  const bytes = new Uint8Array(await (await fetchFixture(name)).arrayBuffer());
  const { tensors } = await readSafetensors(fromBytes(name, bytes));
  const values = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [key, tensor] of tensors) values.set(key, await toFloat32(tensor));
  return values;
}
