import { assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Serves the repository's files, as a static host does. */
function serve(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const path = new URL(request.url).pathname;
    try {
      const body = await Deno.readFile(new URL(`.${path}`, ROOT));
      const type = path.endsWith(".ts") ? "application/typescript" : "text/javascript";
      return new Response(body, {
        headers: { "content-type": path.endsWith("s") ? type : "application/octet-stream" },
      });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
}

/** Runs a program in an empty folder: no deno.json, no import map, no packages. */
async function runElsewhere(source: string, flags: string[]): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "odconv-url-" });
  try {
    await Deno.writeTextFile(`${folder}/main.ts`, source);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-prompt", ...flags, "main.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("mod.ts works when it is imported from a URL, on both devices, with no import map", async () => {
  await using server = serve();
  const url = `http://127.0.0.1:${server.addr.port}`;
  for (const device of ["cpu", "webgpu"]) {
    const answer = await runElsewhere(
      `
      import { decodeImage, loadModel, openDevice, preprocess } from "${url}/mod.ts";

      const model = await loadModel("${url}/weights/od_resnet20_cifar10.safetensors");
      const network = await model.compile(await openDevice("${device}"));
      const bytes = await (await fetch("${url}/tests/fixtures/images/photo.png")).bytes();
      const image = await decodeImage(bytes, "photo.png");
      const logits = await network.run(preprocess(image, model.preprocessing));
      console.log(logits.length, logits.every(Number.isFinite));
      Deno.exit();
      `,
      [
        `--allow-import=127.0.0.1:${server.addr.port}`,
        `--allow-net=127.0.0.1:${server.addr.port}`,
        "--allow-read",
        "--allow-write",
        "--allow-env",
      ],
    );
    assertEquals(answer, "10 true", device);
  }
});
