import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { toFloat32 } from "../../src/checkpoint/float32.ts";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { fromBytes } from "../../src/checkpoint/source.ts";
import type { StateDict } from "../../src/checkpoint/state_dict.ts";
import { findNetwork } from "../../src/models/find_network.ts";
import { TRAINER_FILES, trainerFile } from "../checkpoint/trainers.ts";

/** Of names and values in order, as the script that wrote the fixtures takes it. */
async function sha256(tensors: StateDict): Promise<string> {
  const hash = createHash("sha256");
  for (const [name, tensor] of tensors) {
    hash.update(name);
    hash.update(tensor.dtype === "I64" ? await tensor.read() : new Uint8Array((await toFloat32(tensor)).buffer));
  }
  return hash.digest("hex");
}

for (const { file, tensors, ask, key = "", prefix = "", dropped = [], sha256: expected } of TRAINER_FILES) {
  Deno.test(`\`findNetwork()\` gives PyTorch's tensors of ${file}`, async () => {
    const checkpoint = await openCheckpoint(fromBytes(file, await trainerFile(file)), { key: ask?.key });
    const found = findNetwork(checkpoint, {}, { prefix: ask?.prefix });
    console.log(found.notes);
    assertEquals({ key: found.key, prefix: found.prefix, dropped: found.dropped }, { key, prefix, dropped });
    assertEquals(found.tensors.size, tensors);
    assertEquals(await sha256(found.tensors), expected);
    checkpoint.close();
  });
}
