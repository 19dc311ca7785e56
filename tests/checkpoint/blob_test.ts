import { assert, assertEquals, assertRejects } from "@std/assert";
import { fetchBlob } from "../../src/checkpoint/source/fetch_blob.ts";
import { safetensorsBlob } from "../../src/checkpoint/safetensors/blob.ts";
import type { StateDict } from "../../src/checkpoint/tensors/state_dict.ts";
import { writeSafetensors } from "../../src/checkpoint/write/safetensors.ts";
import { CheckpointError } from "../../src/errors.ts";

Deno.test("fetchBlob() tells how much has arrived, of how much only where that is known, and names what fails", async () => {
  const content = Uint8Array.from({ length: 200_000 }, (_, i) => i * 31);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/plain") return new Response(content, { headers: { "content-length": String(content.length) } });
    if (pathname === "/streamed") return new Response(new Blob([content]).stream());
    if (pathname === "/broken") {
      return new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) }));
    }
    return new Response(null, { status: 404 });
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  try {
    for (const [path, total] of [["/plain", content.length], ["/streamed", undefined]] as const) {
      const heard: [number, number | undefined][] = [];
      const blob = await fetchBlob(origin + path, "it", (done, total) => heard.push([done, total]));
      assertEquals(new Uint8Array(await blob.arrayBuffer()), content);
      assertEquals(heard.at(-1), [content.length, total]);
      assert(heard.every(([done], i) => done > (heard[i - 1]?.[0] ?? 0)));
    }
    await assertRejects(() => fetchBlob(`${origin}/nothing`, "it"), CheckpointError, "it: the server answers 404");
    await assertRejects(() => fetchBlob(`${origin}/broken`, "it"), CheckpointError, "it: the download failed: ");
  } finally {
    await server.shutdown();
  }
});

Deno.test("safetensorsBlob() makes the file that writeSafetensors() writes", async () => {
  const tensors: StateDict = new Map([
    ["a", { dtype: "F16", shape: [2], read: () => Promise.resolve(new Uint8Array(Float16Array.of(1.5, -2).buffer)) }],
    ["b", { dtype: "I64", shape: [], read: () => Promise.resolve(new Uint8Array(BigInt64Array.of(7n).buffer)) }],
  ]);
  const path = await Deno.makeTempFile();
  try {
    await writeSafetensors(path, tensors, { format: "pt" }, { dtype: "F32" });
    const blob = await safetensorsBlob(tensors, { format: "pt" });
    assertEquals(new Uint8Array(await blob.arrayBuffer()), new Uint8Array(await Deno.readFile(path)));
  } finally {
    await Deno.remove(path);
  }
});
