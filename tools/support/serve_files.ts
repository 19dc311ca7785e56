/**
 * A static file server for local use.
 *
 * @module
 */

/** Media types of a page's files. Other files are sent as bytes. */
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  wasm: "application/wasm",
};

/** Serves the files below `folder` on 127.0.0.1. Port 0 takes any free port. */
export function serveFiles(folder: string, port: number): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async ({ method, url }) => {
    if (method !== "GET" && method !== "HEAD") return new Response("method not allowed", { status: 405 });
    // URL has resolved "..". A decoded path that still contains ".." is refused.
    const path = decode(new URL(url).pathname);
    if (path === undefined || path.split(/[\\/]/).includes("..")) return new Response("bad request", { status: 400 });
    const file = `${folder}${path.endsWith("/") ? `${path}index.html` : path}`;
    try {
      const content = await Deno.readFile(file);
      const type = TYPES[file.slice(file.lastIndexOf(".") + 1)] ?? "application/octet-stream";
      return new Response(content, {
        headers: { "content-type": type, "content-length": String(content.length), "cache-control": "no-cache" },
      });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
