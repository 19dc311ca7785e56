/**
 * Computes the table of whole networks in training, on both devices, against PyTorch: gradients, statistics and loss
 * curves.
 *
 * @module
 */

import { DEVICE_NAMES, openTestDevice, versions } from "../tests/support/devices.ts";
import {
  curveError,
  LOSS_TOLERANCE,
  readTrainingCases,
  TENSOR_TOLERANCE,
  type TensorError,
  trainCase,
  type TrainingCase,
  type TrainingResult,
  type TrainingSetting,
} from "../tests/support/training_parity.ts";
import { PROJECTIONS } from "../tests/support/sketch.ts";
import { type Command, execute, UsageError } from "./support/command.ts";
import { markdownTable } from "./support/markdown_table.ts";
import { checkFolderOf } from "./support/output.ts";
import { progress } from "./support/progress.ts";

const HELP = `
Usage: deno task training-parity [options]

Trains od_resnet18 and od_mobilenetv2_050 on the CPU and on WebGPU and compares loss, gradients, running statistics and
loss curve with PyTorch's in float64, of which tests/fixtures holds sketches. Weights and images are pseudo-random. Exit
code 1 where an error is above what is allowed. Takes some minutes and 2 GB of memory.

Options:
  --only TEXT   cases whose name contains TEXT; prints their rows
  --out FILE    where the tables go; without it, they are printed
  -h, --help    this text
  --verbose     the stack of an error

Examples:
  deno task training-parity --out docs/training_parity.md
  deno task training-parity --only od_mobilenetv2_050_1x@30
`;

/** A case with the result of each device, in the order of DEVICE_NAMES. */
interface Row {
  readonly c: TrainingCase;
  readonly results: readonly TrainingResult[];
}

async function measure(setting: TrainingSetting, cases: readonly TrainingCase[]): Promise<Row[]> {
  const devices = [];
  for (const name of DEVICE_NAMES) devices.push(await openTestDevice(name));
  const bar = progress("training parity", cases.length * devices.length);
  const rows: Row[] = [];
  for (const c of cases) {
    const results: TrainingResult[] = [];
    for (const device of devices) {
      bar.update(rows.length * devices.length + results.length, `${c.name} on ${device.name}`);
      results.push(await trainCase(device, setting, c));
    }
    rows.push({ c, results });
  }
  bar.end();
  devices.forEach((device) => device.dispose());
  return rows;
}

const scientific = (x: number) => x.toExponential(1);

/** Formats the largest error and the median: "3.1e-5 (2.0e-6)". */
function worstAndMedian(errors: readonly number[]): string {
  const sorted = errors.toSorted((a, b) => a - b);
  return `${scientific(sorted.at(-1)!)} (${scientific(sorted[sorted.length >> 1])})`;
}

const label = ({ arch, kernelNum, temperature }: TrainingCase) => [arch, String(kernelNum), String(temperature)];

function tensorTable(rows: readonly Row[]): string {
  const header = ["model", "kernels", "temperature", "tensors", "CPU", "WebGPU", "PyTorch float32"];
  return markdownTable(
    header,
    rows.map(({ c, results }) => {
      const columns = [
        ...results.map(({ tensors }) => tensors.map(({ error }) => error)),
        torchErrors(results[0].tensors),
      ];
      return [...label(c), String(results[0].tensors.length), ...columns.map(worstAndMedian)];
    }),
  );
}

const torchErrors = (tensors: readonly TensorError[]) => tensors.map(({ torchError }) => torchError);

function lossTable(rows: readonly Row[]): string {
  const header = ["model", "kernels", "temperature", "steps", "loss", "CPU", "WebGPU", "PyTorch float32"];
  return markdownTable(
    header,
    rows.map(({ c, results }) => {
      const { losses } = c;
      const range = losses.length > 1 ? [losses[0], losses.at(-1)!] : losses;
      const curves = [...results.map((result) => result.losses), c.torchLosses];
      return [
        ...label(c),
        String(losses.length),
        range.map((loss) => loss.toFixed(2)).join(" to "),
        ...curves.map((curve) => scientific(curveError(curve, losses))),
      ];
    }),
  );
}

function page(rows: readonly Row[], { torch, imageSize, batch, sgd }: TrainingSetting, versions: string): string {
  return `# Training parity with PyTorch

Whole networks train at ${imageSize}x${imageSize}, batch ${batch}. Their gradients and losses are compared with PyTorch's in float64.

- \`deno task training-parity --out docs/training_parity.md\` writes this page.
- \`tests/reference/write_training_parity_fixtures.py\` wrote PyTorch's results.
- The last column of each table is PyTorch's own distance in float32 from float64, on the same tensors and steps.
- Weights, images and labels are pseudo-random, and well-conditioned: activations are of order one, attentions between
  0.1 and 0.9, and batch norms shift most activations off the kink of ReLU. With the random initialisation of a real
  training these networks are chaotic in float32: rounding decides on which side of the kink an activation is.

Run with:

- PyTorch ${torch}
${versions.split("; ").map((version) => `- ${version}`).join("\n")}

## Gradients and running statistics

The gradient of every parameter, and the running mean and variance of every batch norm, are compared after one step. The
error is the L2 norm of the difference, relative to the tensor's norm. The table has the worst tensor, and in brackets
the median. ${TENSOR_TOLERANCE} is allowed.

The fixture stores ${PROJECTIONS} random projections of each tensor instead of the tensor. PyTorch's errors are exact. Those of the
devices are estimated from the projections. The squares of the estimates are right on average, with a standard deviation
of at most ${(100 / Math.sqrt(2 * PROJECTIONS)).toFixed(1)} % of the error. An estimate is less than half of the error
once in 100,000 times.

${tensorTable(rows)}
## Loss

The error is the largest relative difference of any step's loss. ${LOSS_TOLERANCE} is allowed. All steps take the same
batch, by SGD with learning rate ${sgd.lr}, momentum ${sgd.momentum} and weight decay ${sgd.weight_decay}.

${lossTable(rows)}`;
}

/** Returns whether all errors are within their tolerances. */
function isWithin({ c, results }: Row): boolean {
  return results.every(({ tensors, losses }) =>
    tensors.every(({ error }) => error <= TENSOR_TOLERANCE) && curveError(losses, c.losses) <= LOSS_TOLERANCE
  );
}

/** The command line. */
export const command: Command<"only" | "out"> = {
  name: "training-parity",
  help: HELP,
  string: ["only", "out"],
  async run({ only = "", out, _: [extra] }) {
    if (extra !== undefined) throw new UsageError(`unexpected argument ${extra}`);
    await checkFolderOf(out);
    const { setting, cases } = await readTrainingCases();
    const chosen = cases.filter(({ name }) => name.includes(only));
    if (!chosen.length) throw new UsageError(`no case's name contains "${only}"`);
    const rows = await measure(setting, chosen);
    if (out === undefined) console.log(`${tensorTable(rows)}\n${lossTable(rows)}`);
    else {
      const beside = `${out}.part`;
      await Deno.writeTextFile(beside, page(rows, setting, await versions()));
      await Deno.rename(beside, out);
    }
    const failed = rows.filter((row) => !isWithin(row));
    for (const { c } of failed) console.error(`${c.name} is farther from PyTorch than allowed`);
    return failed.length ? 1 : 0;
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
