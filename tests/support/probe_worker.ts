/// <reference lib="deno.worker" />
/** A worker that tries actions that must be forbidden to it, and reports each outcome. */

/** The actions. */
const DEEDS: Readonly<Record<string, () => unknown>> = {
  read: () => Deno.readTextFileSync(new URL(import.meta.url)),
  write: () => Deno.makeTempFileSync(),
  net: () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
  env: () => Deno.env.get("HOME"),
  run: () => new Deno.Command(Deno.execPath()).outputSync(),
};

for (const [name, deed] of Object.entries(DEEDS)) {
  const outcome = await Promise.resolve().then(deed).then(() => "done", (error: Error) => error.name);
  self.postMessage(`${name}: ${outcome}`);
}
self.postMessage("end");
