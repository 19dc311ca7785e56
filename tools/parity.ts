/**
 * The full parity table: every architecture at its own image size, on both devices, against PyTorch's logits.
 *
 * @module
 */

import { DEVICE_NAMES, openTestDevice, versions } from "../tests/support/devices.ts";
import { LOGITS_TOLERANCE, logitsError, type ModelCase, readModelCases } from "../tests/support/model_parity.ts";
import { type Command, execute, UsageError } from "./support/command.ts";
import { markdownTable } from "./support/markdown_table.ts";
import { checkFolderOf } from "./support/output.ts";
import { progress } from "./support/progress.ts";

const HELP = `
Usage: deno task parity [options]

Compares the logits of every architecture, static and with 1 and 4 kernels, at 224x224 (CIFAR-10's at 32x32) on the CPU
and on WebGPU with PyTorch's, which tests/fixtures holds. Weights and images are pseudo-random. Exit code 1 where an error
is above ${LOGITS_TOLERANCE}. Takes some minutes and 4 GB of memory.

Options:
  --only TEXT   models whose name contains TEXT; prints their rows
  --out FILE    where the table goes; without it, it is printed
  -h, --help    this text
  --verbose     the stack of an error

Examples:
  deno task parity --out docs/parity.md
  deno task parity --only od_resnet50
`;

/** What was compared, and what could not be. */
interface Outcome {
  readonly rows: readonly Row[];
  readonly failed: readonly string[];
}

/** One line of the table: errors by device. */
interface Row {
  readonly model: ModelCase;
  readonly errors: readonly number[];
}

async function measure(models: readonly ModelCase[]): Promise<Outcome> {
  const devices = [];
  for (const name of DEVICE_NAMES) devices.push(await openTestDevice(name));
  const bar = progress("parity", models.length * devices.length);
  const rows: Row[] = [], failed: string[] = [];
  for (const [i, model] of models.entries()) {
    const errors: number[] = [];
    // A model that fails does not take the minutes of the others with it.
    try {
      for (const device of devices) {
        bar.update(i * devices.length + errors.length, `${model.name} on ${device.name}`);
        errors.push(await logitsError(device, model));
      }
      rows.push({ model, errors });
    } catch (error) {
      failed.push(`${model.name}: ${(error as Error).message}`);
    }
  }
  bar.end();
  devices.forEach((device) => device.dispose());
  return { rows, failed };
}

function markdown(rows: readonly Row[]): string {
  const header = ["model", "kernels", "image", "CPU", "WebGPU", "PyTorch float32 against float64"];
  const lines = rows.map(({ model: { arch, kernelNum, size, torchError }, errors }) => {
    const kernels = arch.startsWith("od_") ? String(kernelNum) : "";
    return [arch, kernels, `${size}x${size}`, ...[...errors, torchError].map((error) => error.toExponential(1))];
  });
  return markdownTable(header, lines);
}

function page(table: string, torch: string, versions: string): string {
  return `# Parity with PyTorch

The largest difference of any logit from PyTorch's in float32, relative to the largest logit; ${LOGITS_TOLERANCE} is allowed.

- The last column is PyTorch's own distance from its float64 result.
- Weights, running statistics and the one image are pseudo-random.
- \`deno task parity --out docs/parity.md\` writes this page.
- \`tests/reference/write_model_fixtures.py\` wrote PyTorch's logits.

Run with:

- PyTorch ${torch}
${versions.split("; ").map((version) => `- ${version}`).join("\n")}

${table}`;
}

/** The command line. */
export const command: Command<"only" | "out"> = {
  name: "parity",
  help: HELP,
  string: ["only", "out"],
  async run({ only = "", out, _: [extra] }) {
    if (extra !== undefined) throw new UsageError(`unexpected argument ${extra}`);
    await checkFolderOf(out);
    const { torch, models } = await readModelCases();
    const chosen = models.filter(({ name, quick }) => !quick && name.includes(only));
    if (!chosen.length) throw new UsageError(`no model's name contains "${only}"`);
    const { rows, failed } = await measure(chosen);
    const table = markdown(rows);
    if (out === undefined || failed.length) console.log(table);
    else {
      const beside = `${out}.part`;
      await Deno.writeTextFile(beside, page(table, torch, await versions()));
      await Deno.rename(beside, out);
    }
    const worst = Math.max(...rows.flatMap(({ errors }) => errors));
    for (const failure of failed) console.error(`not compared: ${failure}`);
    if (failed.length && out !== undefined) console.error(`${out} was left as it was`);
    console.error(`${rows.length} compared, largest error ${worst.toExponential(1)} (allowed ${LOGITS_TOLERANCE})`);
    return worst <= LOGITS_TOLERANCE && !failed.length ? 0 : 1;
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
