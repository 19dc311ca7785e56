/**
 * Writes the page of the benchmark.
 *
 * @module
 */

import { basename } from "node:path";
import { DataError } from "../src/errors.ts";
import { writeFile } from "../src/checkpoint/write/file.ts";
import { chart } from "./chart.ts";
import { scaleSections } from "./scale_tables.ts";
import { comparison, select, times } from "./tables.ts";
import { targetTable } from "./targets.ts";
import type { Base, Results, Row } from "./rows.ts";

const INTRO = `# Bench

This page compares the speed of this project with TensorFlow.js, ONNX Runtime Web and, if a Python with torch was named,
PyTorch. The networks, weights and images are the same, in one run on one machine.
\`deno task bench --out FILE.md [--python PATH]\` writes this page.

- Times are medians of repeated runs, after warm-up runs. GFLOP/s count two operations for each multiply-add.
- The ceiling is the speed of a loop of multiply-adds in registers on the adapter, measured right after each run. Its
  median is used.
- A peer's column says how many times as long as this project the peer takes. Above 1x, this project is faster. The two
  take turns. The value is the median of a peer's run over the mean of this project's runs before and after it, because
  machines change their speed.
- Every peer's result agrees with this project's within 1e-3 of the largest number. A peer with another result has no
  time here.
- Peers get networks with batch norm folded, as this project runs them. TensorFlow.js runs static networks only. In the
  row of a dynamic network, it runs the static twin. So does ONNX Runtime's WebGPU at batches above 1.
- The columns "over ..." compare in the same way, with both taking turns.
- PyTorch runs the published code's computation eagerly, with batch norm not folded.
`;

/** Returns a section of the page, or nothing if there are no rows. */
interface Section {
  readonly title: string;
  readonly text?: string;
  readonly rows: (rows: readonly Row[]) => readonly Row[];
  readonly table: (section: readonly Row[]) => string;
}

const over = (base: Base) => ({ over }: Row) => times(over?.[base]);

const LAYER_TEXT = "A row names window and stride, channels in and out, height and width of the input.";

const SECTIONS: readonly Section[] = [
  {
    title: "Networks on WebGPU",
    rows: (rows) => select(rows, "forward", "webgpu"),
    table: (section) => comparison(section, { "over static": over("static") }),
  },
  {
    title: "Networks on the CPU",
    text: "Every program has one thread, as TensorFlow.js's and ONNX Runtime's WebAssembly have here.",
    rows: (rows) => select(rows, "forward", "cpu"),
    table: (section) => comparison(section, { "over static": over("static") }),
  },
  {
    title: "Networks on all cores",
    text:
      "The CPU executor runs as in an evaluation: one worker a core, each with a batch of its own. The time is a batch's.\n" +
      "PyTorch takes its batches one after the other, with all cores at each.",
    rows: (rows) => select(rows, "forward", "cpu-pool"),
    table: (section) => comparison(section, { "over static": over("static") }),
  },
  {
    title: "Training steps",
    text:
      "A step is forward, backward and SGD with momentum, and the loss is read back. ONNX Runtime Web does not train.\n" +
      "TensorFlow.js trains the static twin, whose first loss must be this project's. A step is compared with two forward\n" +
      "passes. The first is that of inference, with batch norm folded and nothing kept. The second is that of training, with\n" +
      "the batch's statistics and the loss.",
    rows: (rows) => rows.filter(({ work }) => work === "train"),
    table: (section) =>
      comparison(section, { "over forward": over("forward"), "over training forward": over("training forward") }),
  },
  {
    title: "Convolutions on WebGPU",
    text: `${LAYER_TEXT} This project and TensorFlow.js\n` +
      "are measured by timestamps on the device, without transfers and without converting row-major tensors to the device's\n" +
      "layout and back. ONNX Runtime is measured by the wall clock.",
    rows: (rows) => select(rows, "layer", "webgpu"),
    table: (section) => comparison(section),
  },
  {
    title: "Gradients to the input on WebGPU",
    rows: (rows) => select(rows, "layer input gradient", "webgpu"),
    table: (section) => comparison(section),
  },
  {
    title: "Gradients to the weight on WebGPU",
    rows: (rows) => select(rows, "layer weight gradient", "webgpu"),
    table: (section) => comparison(section),
  },
  {
    title: "Convolutions on the CPU",
    text: `${LAYER_TEXT} Images are row-major before and after the run,\nfor every program.`,
    rows: (rows) => select(rows, "layer", "cpu"),
    table: (section) => comparison(section),
  },
];

/** Returns the page. `picture` is the file name of the picture, if there is one. */
export function page({ rows, scale, contestants, notes }: Results, picture?: string): string {
  const sections = SECTIONS.flatMap(({ title, text, rows: choose, table }) => {
    const chosen = choose(rows);
    return chosen.length === 0 ? [] : [`## ${title}\n\n${text ? `${text}\n\n` : ""}${table(chosen)}`];
  });
  const list = (lines: readonly string[]) => lines.map((line) => `- ${line}\n`).join("");
  const parts = [INTRO, `Run with:\n\n${list(contestants)}`];
  if (picture) parts.push(`![Time an image of every network, by program](${picture})\n`);
  if (rows.length > 0) parts.push(`## Targets\n\n${targetTable(rows)}`, ...sections);
  if (scale) parts.push(...scaleSections(scale));
  if (notes.length > 0) parts.push(`## Not measured\n\n${list(notes)}`);
  return parts.join("\n");
}

/** Writes the page and its chart beside it. Throws DataError if a file cannot be written. */
export async function writeReport(path: string, results: Results): Promise<void> {
  const picture = await chart(results.rows);
  const picturePath = path.replace(/(\.md)?$/, ".svg");
  if (picture) await writeText(picturePath, picture);
  await writeText(path, page(results, picture && basename(picturePath)));
}

/** Writes a text file atomically. Throws DataError if the system refuses. */
export async function writeText(path: string, text: string): Promise<void> {
  await writeFile(path, (write) => write(new TextEncoder().encode(text)), DataError);
}
