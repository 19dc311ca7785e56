/**
 * Computes the full parity tables: every architecture at its own image size, on both devices, against PyTorch's logits
 * in float64.
 *
 * @module
 */

import { DEVICE_NAMES, openTestDevice, versions } from "../tests/support/devices.ts";
import { allowedError, logitsError, type ModelCase, readModelCases } from "../tests/support/model_parity.ts";
import { type Command, execute, UsageError } from "./support/command.ts";
import { markdownTable } from "./support/markdown_table.ts";
import { checkFolderOf } from "./support/output.ts";
import { progress } from "./support/progress.ts";

const HELP = `
Usage: deno task parity [options]

Compares the logits of every architecture, static and with 1 and 4 kernels, at 224x224 (CIFAR-10's at 32x32) on the CPU
and on WebGPU with PyTorch's in float64, which tests/fixtures holds; dynamic networks twice, the second time with attentions
that notice every digit lost in a sum. Weights and images are pseudo-random. Exit code 1 where an error is more than 4 times
that of PyTorch's float32 and more than 1e-6. Takes some minutes and 4 GB of memory.

Options:
  --only TEXT   models whose name contains TEXT; prints their rows
  --out FILE    where the table goes; without it, it is printed
  -h, --help    this text
  --verbose     the stack of an error

Examples:
  deno task parity --out docs/parity.md
  deno task parity --only od_resnet50
`;

/** The rows of the tables, and the models that failed. */
interface Outcome {
  readonly rows: readonly Row[];
  readonly failed: readonly string[];
}

/** A row of a table: errors by device. */
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
    // A failed model does not discard the rows of the others.
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
  const header = ["model", "kernels", "image", "CPU", "WebGPU", "PyTorch float32"];
  const lines = rows.map(({ model: { arch, kernelNum, size, torchError }, errors }) => {
    const kernels = arch.startsWith("od_") ? String(kernelNum) : "";
    return [arch, kernels, `${size}x${size}`, ...[...errors, torchError].map((error) => error.toExponential(1))];
  });
  return markdownTable(header, lines);
}

/** Returns one table for each kind of weights that has rows. */
function tables(rows: readonly Row[]): string {
  return SECTIONS.flatMap(({ sensitive, title, text }) => {
    const some = rows.filter(({ model }) => model.sensitive === sensitive);
    return some.length ? [`## ${title}\n\n${text}\n\n${markdown(some)}`] : [];
  }).join("\n");
}

const SECTIONS = [
  {
    sensitive: false,
    title: "Random weights",
    text:
      "Weights, running statistics and the one image are pseudo-random. Activations are of order one in every layer.",
  },
  {
    sensitive: true,
    title: "Sensitive attentions",
    text:
      `The image is made of four patches of one colour each. In a long sum of equal numbers, roundings add up. The norms of the
attentions on the largest maps subtract a mean and multiply the rest by 30 to 100. A digit lost in a mean shows in the
logits.`,
  },
];

function page(tables: string, torch: string, versions: string): string {
  return `# Parity with PyTorch

The errors are the largest difference of any logit from PyTorch's in float64, relative to the largest logit. There is one
column for each of our devices, and one for PyTorch's own float32. Ours may be 4 times PyTorch's, or 1e-6, which is a few
roundings.

- \`deno task parity --out docs/parity.md\` writes this page.
- \`tests/reference/write_model_fixtures.py\` wrote PyTorch's logits.
- \`tests/sums_test.ts\` tests each operator with long sums in the same way, alone, on both kinds of WebGPU adapters too.

Run with:

- PyTorch ${torch}
${versions.split("; ").map((version) => `- ${version}`).join("\n")}

${tables}`;
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
    const chosen = models.filter(({ name, quick, sensitive }) => (!quick || sensitive) && name.includes(only));
    if (!chosen.length) throw new UsageError(`no model's name contains "${only}"`);
    const { rows, failed } = await measure(chosen);
    const table = tables(rows);
    if (out === undefined || failed.length) console.log(table);
    else {
      const beside = `${out}.part`;
      await Deno.writeTextFile(beside, page(table, torch, await versions()));
      await Deno.rename(beside, out);
    }
    const beyond = rows.filter(({ model, errors }) => Math.max(...errors) > allowedError(model));
    for (const { model } of beyond) console.error(`${model.name}: more than ${allowedError(model).toExponential(1)}`);
    for (const failure of failed) console.error(`not compared: ${failure}`);
    if (failed.length && out !== undefined) console.error(`${out} was left as it was`);
    const worst = Math.max(...rows.map(({ model, errors }) => Math.max(...errors) / model.torchError));
    console.error(
      `${rows.length} compared, at most ${
        worst.toFixed(1)
      } times PyTorch's own error; ${beyond.length} beyond what is allowed`,
    );
    return beyond.length || failed.length ? 1 : 0;
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
