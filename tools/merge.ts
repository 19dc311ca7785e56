/**
 * `deno task merge`: merges the reports of eval --shard I/N into one.
 *
 * @module
 */

import { mergeReports, type Report } from "../src/evaluation/report.ts";
import { readReport, writeReport } from "../src/evaluation/report_file.ts";
import { type Command, execute, UsageError } from "./support/command.ts";
import { printSummary } from "./support/summary.ts";

const HELP = `
Usage: deno task merge REPORT.json... --out FILE.json

Joins the reports of "eval --shard I/N" into the report that one run over all images would have written.

Options:
  --out FILE    where the whole report goes
  -h, --help    this text
  --verbose     the stack of an error

Examples:
  deno task eval --weights od_resnet50 --data val --shard 1/2 --report part1.json
  deno task eval --weights od_resnet50 --data val --shard 2/2 --report part2.json
  deno task merge part1.json part2.json --out whole.json
`;

/** The command line, for its tests too. */
export const command: Command<"out"> = {
  name: "merge",
  help: HELP,
  string: ["out"],
  async run({ _: paths, out }) {
    if (!paths.length) throw new UsageError("name the reports to merge");
    if (!out) throw new UsageError("--out is needed: the file to write");
    const reports = new Map<string, Report>();
    for (const path of paths) {
      if (reports.has(path)) throw new UsageError(`${path} is there twice`);
      reports.set(path, await readReport(path));
    }
    const whole = mergeReports(reports);
    // Printed first, so that a full disk does not lose the figures.
    printSummary(whole);
    await writeReport(out, whole);
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
