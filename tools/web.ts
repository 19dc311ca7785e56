/**
 * `deno task web`: builds the page and serves it locally.
 *
 * @module
 */

import { buildPage } from "./build.ts";
import { type Command, execute, wholeNumber } from "./support/command.ts";
import { serveFiles } from "./support/serve_files.ts";

const HELP = `
Builds the page into dist/ and serves it on this machine, until it is stopped with Ctrl+C.

Usage: deno task web [options]

Options
  --port N            the port; 8000 if left out
  --out DIR           where to build; dist if left out
  --verbose           show the stack of an error
  -h, --help          show this

Example
  deno task web --port 8080
`;

/** The command line, for its tests too. */
export const command: Command<"port" | "out"> = {
  name: "deno task web",
  help: HELP,
  string: ["port", "out"],
  async run(args) {
    const port = wholeNumber("port", args.port) ?? 8000;
    const out = args.out ?? "dist";
    await buildPage(out);
    const server = serveFiles(out, port);
    console.log(`http://localhost:${port}/`);
    await server.finished;
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
