import { assertEquals } from "@std/assert";
import { serveFiles } from "../../tools/support/serve_files.ts";

Deno.test("serveFiles() offers files with their types, and nothing from outside its folder", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/site/more`, { recursive: true });
  await Deno.writeTextFile(`${folder}/secret.txt`, "secret");
  await Deno.writeTextFile(`${folder}/site/index.html`, "<p>hello");
  await Deno.writeFile(`${folder}/site/more/a b.wasm`, Uint8Array.of(1, 2, 3));
  const server = serveFiles(`${folder}/site`, 0);
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${server.addr.port}${path}`, { method });
    return [response.status, response.headers.get("content-type"), await response.text()];
  };
  const text = "text/plain;charset=UTF-8";
  try {
    assertEquals(await ask("/"), [200, "text/html; charset=utf-8", "<p>hello"]);
    assertEquals(await ask("/more/a%20b.wasm"), [200, "application/wasm", "\x01\x02\x03"]);
    assertEquals(await ask("/more"), [404, text, "not found"]);
    assertEquals(await ask("/../secret.txt"), [404, text, "not found"]);
    assertEquals(await ask("/..%2fsecret.txt"), [400, text, "bad request"]);
    assertEquals(await ask("/%zz"), [400, text, "bad request"]);
    assertEquals(await ask("/", "POST"), [405, text, "method not allowed"]);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
