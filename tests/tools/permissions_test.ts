/** Tests that each command line has the permissions it needs, and no others. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { bytes, fixture } from "../checkpoint/support.ts";

const PROJECT = new URL("../../", import.meta.url).href;
const CONVERT = fileURLToPath(new URL("../../tools/convert.ts", import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stderr: string;
  /** Every permission that was asked for, "read /path" or "net host"; but for what starting a thread takes. */
  readonly asked: readonly string[];
}

/** Runs convert with permissions; nobody answers questions. */
async function convert(folder: string, permissions: readonly string[], ...args: string[]): Promise<Outcome> {
  const log = `${folder}/permissions.jsonl`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, CONVERT, ...args],
    cwd: folder,
    env: { NO_COLOR: "1", DENO_AUDIT_PERMISSIONS: log, HF_TOKEN: "secret" },
    stdin: "null",
  }).output();
  const lines = (await Deno.readTextFile(log).catch(() => "")).split("\n").filter((line) => line !== "");
  const asked = lines.map((line) => JSON.parse(line))
    // A thread that gets a part of what may be done, and this project's own modules.
    .filter(({ value }) => value !== null && !value.startsWith(PROJECT))
    .map(({ permission, value }) => `${permission} ${value}`);
  return { code, stderr: new TextDecoder().decode(stderr), asked };
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/in`);
    await Deno.mkdir(`${folder}/out`);
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("`convert` of a file needs to read that file and its destination, to write the destination, and nothing else", () =>
  withFolder(async (folder) => {
    const source = fixture("od_resnet20.pth.tar");
    const permissions = [`--allow-read=${source},out`, "--allow-write=out"];
    const { code, stderr } = await convert(folder, permissions, source, "--out", "out/x.safetensors");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assert(Deno.statSync(`${folder}/out/x.safetensors`).size > 0);
  }));

Deno.test("`convert` of a file asks for nothing but its arguments when it may do everything its task may", () =>
  withFolder(async (folder) => {
    const source = fixture("od_resnet20.pth.tar");
    const all = ["--allow-read", "--allow-write", "--allow-net", "--allow-sys", "--allow-env"];
    const { code, asked } = await convert(folder, all, source, "--out", `${folder}/out/x.safetensors`);
    assertEquals(code, 0);
    assert(asked.includes(`read ${source}`), `no log of permissions: ${asked}`);
    for (const line of asked) {
      assert([source, `${folder}/out`].some((path) => new RegExp(`^(read|write) ${path}`).test(line)), line);
    }
  }));

Deno.test("`convert` reads no file that a checkpoint names outside of its folder, and reaches no host", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/secret.safetensors`, "secret");
    const index = (file: string) => bytes(JSON.stringify({ weight_map: { "a.weight": file } }));
    const files = [
      "../secret.safetensors",
      `${folder}/secret.safetensors`,
      "http://127.0.0.1:1/x",
      "hf:me/net",
      "..",
      "",
    ];
    const all = ["--allow-read", "--allow-write", "--allow-net", "--allow-sys", "--allow-env"];
    for (const file of files) {
      await Deno.writeFile(`${folder}/in/model.safetensors.index.json`, index(file));
      const { code, stderr, asked } = await convert(folder, all, "in/model.safetensors.index.json");
      assertEquals(code, 1);
      assertStringIncludes(stderr, "which is not a file's plain name");
      for (const line of asked) {
        assertMatch(line, /^((read|write) (.*\/)?in\/model\.safetensors\.index\.json|(read|write) (in|weights|\.))$/);
      }
    }
  }));

Deno.test("`convert` of a file works in a thread that Deno lets read and write its arguments, and nothing else", () =>
  withFolder(async (folder) => {
    // The command starts its thread with a module that tries things, in the place of its own.
    const probe = `
      import { execute } from ${JSON.stringify(`${PROJECT}tools/support/command.ts`)};
      import { command } from ${JSON.stringify(`${PROJECT}tools/convert.ts`)};
      globalThis.Worker = class extends Worker {
        constructor(_, options) {
          super(${JSON.stringify(`file://${folder}/deeds.js`)}, options);
        }
      };
      Deno.exit(await execute(command, Deno.args));
    `;
    const deeds = `
      const outcomes = {};
      const attempt = async (name, deed) => {
        outcomes[name] = await Promise.resolve().then(deed).then(() => "done", ({ name }) => name);
      };
      await attempt("read source", () => Deno.readFileSync("in/net.pth"));
      await attempt("read beside source", () => Deno.readFileSync("in/secret"));
      await attempt("read elsewhere", () => Deno.readFileSync("/etc/hostname"));
      await attempt("list folder", () => [...Deno.readDirSync(".")]);
      await attempt("write result", () => Deno.writeTextFileSync("out/x.safetensors.part", ""));
      await attempt("write over source", () => Deno.writeTextFileSync("in/net.pth", ""));
      await attempt("write elsewhere", () => Deno.writeTextFileSync("x", ""));
      await attempt("connect", () => Deno.connect({ hostname: "127.0.0.1", port: 9 }));
      await attempt("fetch", () => fetch("http://127.0.0.1:8123/"));
      await attempt("environment", () => Deno.env.get("HF_TOKEN"));
      await attempt("run", () => new Deno.Command("true").outputSync());
      console.log(JSON.stringify(outcomes));
      postMessage(0);
    `;
    await Deno.writeTextFile(`${folder}/probe.js`, probe);
    await Deno.writeTextFile(`${folder}/deeds.js`, deeds);
    await Deno.writeTextFile(`${folder}/in/net.pth`, "PK");
    await Deno.writeTextFile(`${folder}/in/secret`, "secret");
    const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
    const flags = (tasks.convert.command as string).split(" ").filter((word) => word.startsWith("--"));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--config", fileURLToPath(`${PROJECT}deno.json`), ...flags],
        ...[`${folder}/probe.js`, "in/net.pth", "--out", "out/x.safetensors"],
      ],
      cwd: folder,
      env: { NO_COLOR: "1", HF_TOKEN: "secret" },
      stdin: "null",
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const may = ["read source", "write result"];
    for (const [deed, outcome] of Object.entries(JSON.parse(new TextDecoder().decode(stdout)))) {
      assertEquals(outcome, may.includes(deed) ? "done" : "NotCapable", deed);
    }
  }));

Deno.test("`convert` is stopped by Deno when it is told to read or write elsewhere than it may", () =>
  withFolder(async (folder) => {
    const source = fixture("od_resnet20.pth.tar");
    const read = await convert(folder, ["--allow-read=out", "--allow-write=out"], source, "--out", "out/x.safetensors");
    assertEquals(read.code, 1);
    assertStringIncludes(read.stderr, "Requires read access");
    const both = [`--allow-read=${source},out,in`, "--allow-write=out"];
    const write = await convert(folder, both, source, "--out", "in/x.safetensors");
    assertEquals(write.code, 1);
    assertStringIncludes(write.stderr, "Requires write access");
    const net = await convert(folder, ["--allow-read", "--allow-write"], "http://127.0.0.1:8123/x.pth");
    assertEquals(net.code, 1);
    assertStringIncludes(net.stderr, "Requires net access");
    assertEquals([...Deno.readDirSync(`${folder}/in`), ...Deno.readDirSync(`${folder}/out`)], []);
  }));

/** Permissions of the tasks that read strangers' files. A task that asks for more has to say so here, and why. */
const ALLOWED: Readonly<Record<string, RegExp>> = {
  // Files; for hub and URLs the network, the cache's place and the token. Given up when the source is a file.
  convert: /^--allow-(read|write|net|sys=homedir|env=[A-Z_,]+)$/,
  eval: /^--allow-(read|write)$/,
  merge: /^--allow-(read|write)$/,
  // To write what --tune and --profile find out.
  classify: /^--allow-(read|write=\.odconv)$/,
  // To write the page that --html asks for.
  inspect: /^--allow-(read|write)$/,
};

Deno.test("no task that reads strangers' files may run programs, load libraries or do everything", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  for (const [task, allowed] of Object.entries(ALLOWED)) {
    const flags = (tasks[task].command as string).split(" ").filter((word) => word.startsWith("-"));
    for (const flag of flags) assertMatch(flag, allowed, `${task}: ${flag}`);
  }
  for (const [task, { command }] of Object.entries<{ command: string }>(tasks)) {
    assert(!/ (-A|--allow-all|--allow-ffi)\b/.test(command), task);
  }
});
