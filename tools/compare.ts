/**
 * `deno task compare`: compares the metrics of training runs.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import { writeFile } from "../src/checkpoint/write/file.ts";
import { DataError } from "../src/errors.ts";
import { lineChart } from "../src/plots/mod.ts";
import { readMetrics, type StepMetrics } from "../src/training/metrics.ts";
import { type Command, execute, UsageError } from "./support/command.ts";
import { checkFolderOf } from "./support/output.ts";
import { table } from "./support/table.ts";

const HELP = `
Usage: deno task compare RUN RUN... [options]

Prints the training runs in folders beside each other: validation accuracy by epoch, and how far losses are from the
first run's at the same step. A folder is what "deno task train --out" was told; anything else that writes the same
metrics.jsonl will do.

Options:
  --svg FILE    draw losses and accuracies of all runs
  --csv FILE    write losses by step and accuracies by epoch
  -h, --help    this text
  --verbose     the stack of an error

Examples:
  deno task compare runs/resnet20 runs/od_resnet20
  deno task compare runs/webgpu runs/cpu --svg both.svg --csv both.csv
`;

/** A run with its name. */
type Run = Awaited<ReturnType<typeof readMetrics>> & { readonly name: string };

/** Returns a table: one column of accuracies per run, one line per epoch that all runs finished. */
function accuracyTable(runs: readonly Run[]): string {
  const epochs = Math.min(...runs.map((run) => run.epochs.length));
  const rows = Array.from({ length: epochs }, (_, i) => [i, ...runs.map((run) => run.epochs[i].valTop1.toFixed(2))]);
  return table(["epoch", ...runs.map((run) => `${run.name} top-1`)], rows);
}

/** Returns the relative difference of each run's losses from the first run's at the same step. */
function lossTable([first, ...others]: readonly Run[]): string {
  const rows = others.map(({ name, steps }) => {
    const common = Math.min(steps.length, first.steps.length);
    const apart = steps.slice(0, common).map(({ loss }, i) => Math.abs(loss / first.steps[i].loss - 1));
    const mean = apart.reduce((sum, x) => sum + x, 0) / common;
    return [name, common, ...[mean, Math.max(...apart)].map((x) => x.toExponential(1))];
  });
  return table([`loss against ${first.name}`, "steps", "mean", "largest"], rows);
}

/** Returns losses by step, with accuracies at the end of each epoch, as CSV. */
function csv(runs: readonly Run[]): string {
  const lines = [["step", ...runs.map(({ name }) => `${name} loss`), ...runs.map(({ name }) => `${name} top-1`)]];
  const steps = Math.min(...runs.map((run) => run.steps.length));
  for (let i = 0; i < steps; i++) {
    const { epoch } = runs[0].steps[i];
    const ends = i + 1 === steps || runs[0].steps[i + 1].epoch !== epoch;
    const accuracies = runs.map(({ epochs }) => ends && epochs[epoch] ? epochs[epoch].valTop1.toFixed(2) : "");
    lines.push([`${i}`, ...runs.map((run) => run.steps[i].loss.toFixed(6)), ...accuracies]);
  }
  return lines.map((line) => `${line.join(",")}\n`).join("");
}

/** Number of steps whose losses are averaged for one point of the chart. */
const SMOOTH = 10;

/** Draws the runs' losses and accuracies over epochs, as SVG. */
function draw(runs: readonly Run[]): Promise<string> {
  const losses = (steps: readonly StepMetrics[]) => {
    const perEpoch = steps.findLastIndex(({ epoch }) => epoch === steps[0].epoch) + 1;
    return Array.from({ length: Math.floor(steps.length / SMOOTH) }, (_, i): [number, number] => {
      const some = steps.slice(i * SMOOTH, (i + 1) * SMOOTH);
      return [(i + 0.5) * SMOOTH / perEpoch, some.reduce((sum, { loss }) => sum + loss, 0) / some.length];
    });
  };
  const x = { label: "epoch" };
  return lineChart([
    {
      heading: `training loss, mean of ${SMOOTH} steps`,
      x,
      y: { label: "loss" },
      series: runs.map(({ name, steps }) => ({ name, points: losses(steps) })),
    },
    {
      heading: "validation top-1",
      x,
      y: { label: "top-1", unit: "%" },
      series: runs.map(({ name, epochs }) => ({
        name,
        points: epochs.map(({ epoch, valTop1 }): [number, number] => [epoch + 1, valTop1]),
      })),
    },
  ], { title: runs.map(({ name }) => name).join(", ") });
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, (write) => write(new TextEncoder().encode(text)), DataError);
}

/** The command line, for its tests too. */
export const command: Command<"svg" | "csv"> = {
  name: "compare",
  help: HELP,
  string: ["svg", "csv"],
  async run({ _: folders, svg, csv: csvPath }) {
    if (folders.length < 2) throw new UsageError("name the folders of two runs at least");
    await checkFolderOf(svg);
    await checkFolderOf(csvPath);
    const runs: Run[] = [];
    for (const folder of folders.map(String)) {
      runs.push({ name: basename(resolve(folder)), ...await readMetrics(folder) });
    }
    console.log(accuracyTable(runs));
    console.log(lossTable(runs).trimEnd());
    if (svg) await write(svg, await draw(runs));
    if (csvPath) await write(csvPath, csv(runs));
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
