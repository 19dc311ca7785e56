/** Runs the blocks of a page as a reader would: one after the other, in one folder. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../support/free_port.ts";
import { type Block, commandsOf, ROOT } from "./blocks.ts";
import { startHubOfDocs } from "./networks.ts";
import { NOT_RUN, PORT, SERVERS, SUBSTITUTIONS } from "./rules.ts";

/** The module's name in the docs. */
const MODULE = "https://…/mod.ts";

/** Milliseconds that a server may take to respond. It builds its files first. */
const PATIENCE = 120_000;

/** A program of a page, as a file in the page's folder. */
interface Program {
  readonly file: string;
  readonly block: Block;
  /** Whether the page names the file, to run it with its own command. */
  readonly named: boolean;
}

/** Declarations of browser globals that a page's script uses, so that its types are checked without the whole DOM. */
const BROWSER = "// deno-lint-ignore-file\ndeclare const document: any;\n";

/** A page that is being run in a folder. */
export class PageRun {
  readonly #env: Record<string, string>;
  readonly #port: string;
  readonly #servers: Deno.ChildProcess[] = [];
  /** All commands so far, as they were run. */
  readonly #ran: string[] = [];

  /** `folder` is from makeWorkspace(). */
  constructor(private readonly page: string, private readonly folder: string) {
    this.#port = String(freePort());
    const runtime = Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp";
    const path = `${folder}/bin:${Deno.env.get("PATH")}`;
    this.#env = { NO_COLOR: "1", XDG_RUNTIME_DIR: runtime, PATH: path, HF_HOME: `${folder}/hub` };
  }

  /** Runs all blocks. Throws AssertionError that names the page and the line. */
  async all(blocks: readonly Block[]): Promise<void> {
    const programs = await this.#writePrograms(blocks.filter(({ language }) => language === "ts"));
    const scripts = await this.#writeScripts(blocks.filter(({ language }) => language === "html"));
    const files = [...programs.map(({ file }) => file), ...scripts];
    if (files.length) await this.#run("its programs' types", ["deno", "check", ...files]);
    using hub = blocks.some(({ code }) => /\bhf:\w/.test(code)) ? await startHubOfDocs() : undefined;
    if (hub) this.#env.HF_ENDPOINT = hub.endpoint;
    try {
      for (const block of blocks) {
        const program = programs.find((program) => program.block === block);
        if (program && !program.named) {
          await this.#run(this.#place(block), ["deno", "run", "--no-prompt", "--allow-read", program.file]);
        }
        if (block.language === "sh") { for (const command of commandsOf(block)) await this.#command(command, block); }
      }
      for (const { file, named } of programs) {
        assert(!named || this.#ran.some((c) => c.includes(file)), `${this.page}: no command runs ${file}`);
      }
    } finally {
      for (const server of this.#servers) await stop(server);
    }
  }

  #place({ line }: Block): string {
    return `${this.page}, line ${line}`;
  }

  /** Writes the programs. A program is named by a comment with a file name in its first line. */
  #writePrograms(blocks: readonly Block[]): Promise<Program[]> {
    return Promise.all(blocks.map(async (block) => {
      const [, name] = /^\/\/ (\w+\.ts)\n/.exec(block.code) ?? [];
      const file = name ?? `line_${block.line}.ts`;
      await Deno.writeTextFile(`${this.folder}/${file}`, this.#local(block.code).replaceAll(MODULE, "./mod.ts"));
      return { file, block, named: name !== undefined };
    }));
  }

  /** Writes the module scripts of pages as programs whose types can be checked. tests/web runs them in a page. */
  #writeScripts(blocks: readonly Block[]): Promise<string[]> {
    return Promise.all(blocks.map(async ({ code, line }) => {
      const [, script] = /<script type="module">\n([^]*)<\/script>/.exec(code)!;
      const file = `page_${line}.ts`;
      await Deno.writeTextFile(`${this.folder}/${file}`, BROWSER + script.replace("./odconv/mod.js", "./mod.ts"));
      return file;
    }));
  }

  #local(text: string): string {
    return text.replace(PORT, this.#port);
  }

  async #command(written: string, block: Block): Promise<void> {
    const plain = written.replace(/\s+#.*$/, "");
    const command = SUBSTITUTIONS.reduce((c, { pattern, by }) => c.replace(pattern, by), plain);
    if (NOT_RUN.some(({ pattern }) => pattern.test(command))) return assertNamesExist(plain);
    const local = this.#local(command);
    this.#ran.push(local);
    if (SERVERS.test(command)) await this.#serve(this.#place(block), local);
    else await this.#run(this.#place(block), ["sh", "-c", local]);
  }

  async #run(place: string, [program, ...args]: string[]): Promise<void> {
    const { code, stdout, stderr } = await new Deno.Command(program === "deno" ? Deno.execPath() : program, {
      args,
      cwd: this.folder,
      env: this.#env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, 0, `${place}: ${args.at(-1)}\n${said}`);
  }

  /** Starts a command that does not end, and waits until it responds. */
  async #serve(place: string, command: string): Promise<void> {
    this.#servers.push(
      new Deno.Command("sh", { args: ["-c", `exec ${command}`], cwd: this.folder, env: this.#env, stdout: "null" })
        .spawn(),
    );
    const server = this.#servers.at(-1)!;
    let ended = false;
    server.status.then(() => ended = true);
    const deadline = performance.now() + PATIENCE;
    while (!ended && performance.now() < deadline) {
      const answer = await fetch(`http://localhost:${this.#port}/`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert(false, `${place}: ${command} ${ended ? "ended" : "does not answer"}`);
  }
}

async function stop(server: Deno.ChildProcess): Promise<void> {
  try {
    server.kill("SIGTERM");
  } catch {
    // The process has ended already.
  }
  await server.status;
}

/** Checks a command that is not run: its version is README's, and its tasks and files exist. */
function assertNamesExist(command: string): void {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  const [, task] = /\bdeno task (\S+)/.exec(command) ?? [];
  assert(!task || task in tasks, `${command}: there is no such task`);
  for (const [path] of command.matchAll(/(?<=\s)(tests|bench|tools)\/\S+/g)) {
    assert(Deno.statSync(ROOT + path), command);
  }
  const [version] = /deno@\S+/.exec(command) ?? [];
  if (version) assertStringIncludes(Deno.readTextFileSync(`${ROOT}README.md`), `npx -y ${version} task`);
}
