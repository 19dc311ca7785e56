/** A server with the part of the Hugging Face hub's protocol that downloads need, and a second server as its CDN. */

/** What the servers saw and how they behave. */
export interface HubServer extends Disposable {
  /** The hub's address. */
  readonly endpoint: string;
  /** Every request, "hub GET /path token" or "cdn GET /path -". */
  readonly requests: string[];
  /** Requests of files that the CDN answers with 503 before it serves one. */
  failures: number;
  /** Requests of files after which the CDN breaks the connection half-way. */
  breaks: number;
  /** The status of those failures. */
  status: number;
  /** Requests of files that the CDN starts to answer and never goes on with. */
  stalls: number;
  /** Bytes of files that the CDN has sent. */
  sent: number;
  /** Changes the bytes that the CDN sends. */
  damage?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  /** Changes what the hub says of a file. */
  lie?: (file: Record<string, unknown>) => Record<string, unknown>;
}

/** The commit that every revision is at. */
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** Starts both on free ports. `token` makes the repositories private. */
export function startHub(
  files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
  { repo = "me/net", revision = "main", token }: { repo?: string; revision?: string; token?: string } = {},
): HubServer {
  const requests: string[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, onError: () => new Response(null, { status: 500 }) };
  const log = (who: string, request: Request) => {
    const { pathname } = new URL(request.url);
    requests.push(`${who} ${request.method} ${pathname} ${request.headers.get("authorization") ?? "-"}`);
  };

  const cdn = Deno.serve(options, (request) => {
    log("cdn", request);
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (server.failures-- > 0) return new Response("busy", { status: server.status });
    if (server.stalls-- > 0) return new Response(new ReadableStream({ start: (c) => c.enqueue(files[name]) }));
    const bytes = server.damage?.(files[name]) ?? files[name];
    const etag = `"${name}"`;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    const same = (request.headers.get("if-range") ?? etag) === etag;
    if (from >= bytes.length) return new Response(null, { status: 416 });
    const part = from > 0 && same;
    const rest = part ? bytes.slice(from) : bytes;
    server.sent += server.breaks > 0 ? rest.length >> 1 : rest.length;
    const body = server.breaks-- > 0 ? brokenStream(rest) : rest;
    const range: HeadersInit = part ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    // A name that the hub's client takes for a reason to come here directly, token and all.
    const headers = { "x-cache": "Hit from cloudfront", etag, ...range };
    return new Response(body, { status: part ? 206 : 200, headers });
  });

  const hub = Deno.serve(options, async (request) => {
    log("hub", request);
    if (token && request.headers.get("authorization") !== `Bearer ${token}`) {
      return Response.json({ error: "Invalid credentials" }, { status: 401 });
    }
    const { pathname, searchParams, href } = new URL(request.url);
    const path = decodeURIComponent(pathname);
    const names = Object.keys(files);
    if (path === `/api/models/${repo}/tree/${revision}`) {
      // A page of one file each.
      const page = Number(searchParams.get("page") ?? 0);
      const next = new URL(href);
      next.searchParams.set("page", String(page + 1));
      const headers: HeadersInit = page + 1 < names.length ? { link: `<${next}>; rel="next"` } : {};
      return Response.json([describe(names[page], files[names[page]])], { headers });
    }
    if (path === `/api/models/${repo}/paths-info/${revision}`) {
      const { paths } = await request.json() as { paths: string[] };
      const found = paths.filter((name) => name in files).map((name) => describe(name, files[name]));
      return Response.json(found.map((file) => server.lie?.(file) ?? file));
    }
    const file = path.startsWith(`/${repo}/resolve/${revision}/`) && path.slice(`/${repo}/resolve/${revision}/`.length);
    if (!file || !(file in files)) return Response.json({ error: "Repository not found" }, { status: 404 });
    const headers = { location: `http://127.0.0.1:${cdn.addr.port}/${encodeURIComponent(file)}` };
    return new Response(null, { status: 302, headers: { ...headers, "x-repo-commit": COMMIT } });
  });

  const server: HubServer = {
    endpoint: `http://127.0.0.1:${hub.addr.port}`,
    requests,
    failures: 0,
    breaks: 0,
    status: 503,
    stalls: 0,
    sent: 0,
    [Symbol.dispose]() {
      hub.shutdown();
      cdn.shutdown();
    },
  };
  return server;
}

function describe(path: string, { length }: Uint8Array) {
  const oid = path.replaceAll("/", "_");
  return { type: "file", path, size: length, oid, lastCommit: { id: COMMIT, title: "", date: "2024-01-01" } };
}

/** The first half, then an error. */
function brokenStream(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) controller.error(new Error("broken"));
      else controller.enqueue(bytes.slice(0, bytes.length >> 1));
      sent = true;
    },
  });
}
