import { assert, assertEquals, assertRejects } from "@std/assert";
import { download, type DownloadOptions } from "../../src/checkpoint/hub/http.ts";
import { sha256 } from "../../src/checkpoint/source/sha256.ts";
import { fromBytes } from "../../src/checkpoint/source/source.ts";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { CheckpointError } from "../../src/errors.ts";
import { loadModel } from "../../src/models/load.ts";
import { fixture } from "./support.ts";

const DATA = Uint8Array.from({ length: 200_000 }, (_, i) => i * 31 % 251);

/** Runs `work` while a server uses the handler. Passes the address and the range headers of the requests to `work`. */
async function withServer(
  handler: (request: Request, count: number) => Response,
  work: (url: string, ranges: (string | null)[]) => Promise<void>,
): Promise<void> {
  const ranges: (string | null)[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    onError: () => new Response(null, { status: 500 }),
  }, (request) => {
    ranges.push(request.headers.get("range"));
    return handler(request, ranges.length);
  });
  try {
    await work(`http://127.0.0.1:${server.addr.port}`, ranges);
  } finally {
    await server.shutdown();
  }
}

/** Downloads into a file that may hold something already. */
async function fetched(
  url: string,
  { before = "", ...options }: DownloadOptions & { before?: string | Uint8Array } = {},
): Promise<Uint8Array> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, typeof before === "string" ? new TextEncoder().encode(before) : before);
    {
      using file = await Deno.open(path, { read: true, write: true });
      await download(url, file, { retryDelay: 1, ...options });
    }
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

/** Answers what is asked for, but only half of it. */
function half(from: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) return controller.error(new Error("broken"));
      controller.enqueue(DATA.slice(from, from + (DATA.length - from) / 2));
      sent = true;
    },
  });
}

Deno.test("`download()` goes on where the connection broke when the server can", () =>
  withServer((request, count) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    const headers = {
      etag: '"1"',
      ...(from ? { "content-range": `bytes ${from}-${DATA.length - 1}/${DATA.length}` } : {}),
    };
    return new Response(count < 3 ? half(from) : DATA.slice(from), { status: from ? 206 : 200, headers });
  }, async (url, ranges) => {
    const seen: number[] = [];
    assertEquals(await fetched(url, { onProgress: (done) => seen.push(done) }), DATA);
    assertEquals(ranges, [null, "bytes=100000-", "bytes=150000-"]);
    assertEquals(seen.at(-1), DATA.length);
  }));

Deno.test("`download()` starts again when the server cannot go on or the file has changed", () =>
  withServer(
    (_, count) => new Response(count === 1 ? half(0) : DATA, { headers: { etag: `"${count}"` } }),
    async (url) => assertEquals(await fetched(url), DATA),
  ));

/** Serves DATA, or the part of it that is asked for; answers 416 beyond its end. */
function serveRange(request: Request, etag?: string): Response {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  if (from >= DATA.length) return new Response(null, { status: 416 });
  const headers: HeadersInit = { "content-range": `bytes ${from}-${DATA.length - 1}/${DATA.length}` };
  return new Response(DATA.slice(from), { status: 206, headers: etag ? { ...headers, etag } : headers });
}

Deno.test("`download()` goes on with the beginning that an earlier one left where it may, and begins anew where that is too long", () =>
  withServer((request) => serveRange(request), async (url, ranges) => {
    assertEquals(await fetched(url, { before: DATA.slice(0, 5), resume: true }), DATA);
    assertEquals(await fetched(url, { before: new Uint8Array(DATA.length + 1), resume: true }), DATA);
    assertEquals(await fetched(url, { before: DATA.slice(0, 5) }), DATA);
    assertEquals(ranges, ["bytes=5-", `bytes=${DATA.length + 1}-`, null, null]);
  }));

Deno.test("`download()` begins anew when the server sends another part than the one asked for", () =>
  withServer(
    (_, count) => {
      const headers = { "content-range": `bytes 7-${DATA.length - 1}/${DATA.length}` };
      return count === 1 ? new Response(DATA.slice(7), { status: 206, headers }) : new Response(DATA);
    },
    async (url, ranges) => {
      assertEquals(await fetched(url, { before: DATA.slice(0, 5), resume: true }), DATA);
      assertEquals(ranges, ["bytes=5-", null]);
    },
  ));

Deno.test("`download()` says that the disk is full in one line", () =>
  withServer((request) => serveRange(request), async (url) => {
    const path = await Deno.makeTempFile();
    using file = await Deno.open(path, { write: true });
    file.write = () => Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" }));
    await assertRejects(() => download(url, file), CheckpointError, `${url}: cannot be kept: the disk is full`);
    await Deno.remove(path);
  }));

Deno.test("`openCheckpoint()` holds a URL's file against the SHA-256 that stands behind the address", () =>
  withServer(() => new Response(Deno.readFileSync(fixture("bare.safetensors"))), async (url) => {
    const right = await sha256([fromBytes("", Deno.readFileSync(fixture("bare.safetensors")))]);
    const checkpoint = await openCheckpoint(`${url}/x#sha256=${right.toUpperCase()}`);
    assertEquals([checkpoint.name, checkpoint.tensors.size], [`${url}/x`, 6]);
    checkpoint.close();
    const message = `its SHA-256 is ${right}, ${"0".repeat(64)} expected`;
    await assertRejects(() => openCheckpoint(`${url}/x#sha256=${"0".repeat(64)}`), CheckpointError, message);
  }));

Deno.test("`download()` sends a password and headers to the URL's host, and not to the one that it sends on to", async () => {
  const seen: (string | null)[] = [];
  await withServer((request) => {
    seen.push(request.headers.get("authorization"));
    return serveRange(request);
  }, async (other) => {
    await withServer((request) => {
      seen.push(request.headers.get("authorization"));
      return new Response(null, { status: 302, headers: { location: `${other}/there` } });
    }, async (url) => {
      assertEquals(await fetched(url, { headers: { authorization: "Bearer secret" } }), DATA);
      assertEquals(await fetched(url.replace("//", "//user:secret@")), DATA);
    });
  });
  assertEquals(seen, ["Bearer secret", null, `Basic ${btoa("user:secret")}`, null]);
});

Deno.test("`download()` gives up after its retries, at once where the server says no", async () => {
  await withServer(() => new Response("busy", { status: 503 }), async (url, ranges) => {
    await assertRejects(
      () => fetched(url, { retries: 2 }),
      CheckpointError,
      "503 Service Unavailable, after 3 attempts",
    );
    assertEquals(ranges.length, 3);
  });
  await withServer(() => new Response("no", { status: 404 }), async (url, ranges) => {
    await assertRejects(() => fetched(url), CheckpointError, "the server answers 404 Not Found");
    assertEquals(ranges.length, 1);
  });
});

Deno.test("`download()` gives up when nothing comes any more", () =>
  withServer(
    () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(DATA) })),
    (url) => assertRejects(() => fetched(url, { idleTimeout: 50, retries: 1 }), CheckpointError).then(() => {}),
  ));

Deno.test("`openCheckpoint()` reads from URLs, with shards beside the index, and removes what it downloaded", () =>
  withServer((request) => {
    const name = new URL(request.url).pathname.slice(1);
    try {
      return new Response(Deno.readFileSync(fixture(name)));
    } catch {
      return new Response(null, { status: 404 });
    }
  }, async (url) => {
    for (const name of ["training.pth.tar", "bare.safetensors", "model.safetensors.index.json"]) {
      const checkpoint = await openCheckpoint(`${url}/${name}?signature=secret`);
      assertEquals(checkpoint.name, `${url}/${name}`);
      assertEquals(checkpoint.tensors.size, 6);
      for (const tensor of checkpoint.tensors.values()) await tensor.read();
      checkpoint.close();
    }
    await assertRejects(() => openCheckpoint(`${url}/none.pth`), CheckpointError, "404");
    const keyed = openCheckpoint(`${url}/both.pth`, { key: "x" });
    await assertRejects(() => keyed, CheckpointError, "no state dict under");
  }));

Deno.test("`download()` waits as long as a busy server asks for", () =>
  withServer(
    (_, count) =>
      count === 1 ? new Response(null, { status: 429, headers: { "retry-after": "1" } }) : new Response(DATA),
    async (url) => {
      const began = performance.now();
      assertEquals(await fetched(url), DATA);
      assert(performance.now() - began >= 990);
    },
  ));

Deno.test("`download()` takes no part for the whole", () =>
  withServer(
    (_, count) => {
      const part = { status: 206, headers: { "content-range": `bytes 0-99/${DATA.length}` } };
      return count === 1 ? new Response(DATA.slice(0, 100), part) : new Response(DATA);
    },
    async (url, ranges) => {
      assertEquals(await fetched(url), DATA);
      assertEquals(ranges.length, 2);
    },
  ));

Deno.test("`download()` keeps passwords and signatures out of its errors, also those of the address it is sent on to", async () => {
  const failing = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dead = `http://127.0.0.1:${failing.addr.port}/real?signature=SECRET#SECRET`;
  failing.close();
  await withServer(
    (request) =>
      new URL(request.url).pathname === "/moved"
        ? new Response(null, { status: 302, headers: { location: dead } })
        : new Response(null, { status: 403 }),
    async (url) => {
      for (const path of ["moved?token=SECRET", "x?signature=SECRET", "x#SECRET"]) {
        const address = `${url.replace("//", "//user:SECRET@")}/${path}`;
        const error = await assertRejects(() => fetched(address, { retries: 1 }), CheckpointError);
        assert(!error.message.includes("SECRET"), error.message);
      }
    },
  );
});

Deno.test("`openCheckpoint()` follows redirects, and gives up where they go round in circles", () =>
  withServer((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/circle") return new Response(null, { status: 302, headers: { location: "/circle" } });
    if (pathname === "/moved") return new Response(null, { status: 301, headers: { location: "/there" } });
    return new Response(Deno.readFileSync(fixture("bare.safetensors")));
  }, async (url) => {
    const checkpoint = await openCheckpoint(`${url}/moved`);
    assertEquals(checkpoint.tensors.size, 6);
    checkpoint.close();
    await assertRejects(() => fetched(`${url}/circle`, { retries: 1 }), CheckpointError, "redirect");
  }));

Deno.test("`loadModel()` of a URL leaves nothing in the temporary folder, closed or not, and names no token where it fails", async () => {
  const [before, folder] = [Deno.env.get("TMPDIR"), await Deno.makeTempDir()];
  Deno.env.set("TMPDIR", folder);
  const left = () => [...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith("odconv_"));
  try {
    await withServer((request) => {
      const there = new URL(request.url).pathname === "/net.pth.tar";
      return there
        ? new Response(Deno.readFileSync(fixture("od_resnet20.pth.tar")))
        : new Response(null, { status: 404 });
    }, async (url) => {
      const model = await loadModel(`${url}/net.pth.tar?token=SECRET`);
      // Only Windows has to keep the file's name while the file is open.
      if (Deno.build.os !== "windows") assertEquals(left(), []);
      const tensor = model.stateDict().get("conv1.weight")!;
      assertEquals((await tensor.read()).length, 4 * tensor.shape.reduce((n, d) => n * d));
      model.close();
      assertEquals(left(), []);
      const { message } = await assertRejects(() => loadModel(`${url}/none.pth?token=SECRET`), CheckpointError, "404");
      assert(message.includes(`${url}/none.pth`) && !message.includes("SECRET"), message);
      assertEquals(left(), []);
    });
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    await Deno.remove(folder, { recursive: true });
  }
});
