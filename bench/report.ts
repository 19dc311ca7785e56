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

This project beside TensorFlow.js, ONNX Runtime Web and, where a Python with torch was named, PyTorch: the same networks,
weights and images in one run on one machine. \`deno task bench --out FILE.md [--python PATH]\` writes this page.

- Times are medians of a run after others that do not count. GFLOP/s count two operations a multiply-add.
- The ceiling is what a loop of multiply-adds in registers reaches on the adapter right after each run; its median.
- A peer's column says how many times as long as this project it takes. Above 1x, this project is faster. Both took turns:
  the median of a peer's run over the mean of this project's before and after it, for machines change their speed.
- Every peer's answer agrees with this project's within 1e-3 of the largest number; else it has no time here.
- Peers are given networks with batch norm folded, as this project runs them. TensorFlow.js runs static networks only:
  beside a dynamic one stands its static twin. So it does for ONNX Runtime's WebGPU at batches above 1.
- What is said to be over something else took turns with it in the same way.
- PyTorch runs eagerly what the published code computes, batch norm not folded.
`;

/** Returns a section of the page, or nothing if there are no rows. */
interface Section {
  readonly title: string;
  readonly text?: string;
  readonly rows: (rows: readonly Row[]) => readonly Row[];
  readonly table: (section: readonly Row[]) => string;
}

const over = (base: Base) => ({ over }: Row) => times(over?.[base]);

const LAYER_TEXT = "Window and stride, channels in and out, height and width of the input.";

const SECTIONS: readonly Section[] = [
  {
    title: "Networks on WebGPU",
    rows: (rows) => select(rows, "forward", "webgpu"),
    table: (section) => comparison(section, { "over static": over("static") }),
  },
  {
    title: "Networks on the CPU",
    text: "One thread, as TensorFlow.js's and ONNX Runtime's WebAssembly here.",
    rows: (rows) => select(rows, "forward", "cpu"),
    table: (section) => comparison(section, { "over static": over("static") }),
  },
  {
    title: "Networks on all cores",
    text:
      "The CPU executor as evaluation runs it: a worker a core, each with a batch of its own; the time is a batch's. PyTorch\n" +
      "takes its batches one after the other, with all cores at each.",
    rows: (rows) => select(rows, "forward", "cpu-pool"),
    table: (section) => comparison(section, { "over static": over("static") }),
  },
  {
    title: "Training steps",
    text:
      "Forward, backward and SGD with momentum; the loss is read back. ONNX Runtime Web does not train. TensorFlow.js\n" +
      "trains the static twin, whose first loss must be this project's. A step is set against the forward pass as the network\n" +
      "infers, with batch norm folded and nothing kept, and as it trains, with the batch's statistics and the loss.",
    rows: (rows) => rows.filter(({ work }) => work === "train"),
    table: (section) =>
      comparison(section, { "over forward": over("forward"), "over training forward": over("training forward") }),
  },
  {
    title: "Convolutions on WebGPU",
    text: `${LAYER_TEXT} This project and TensorFlow.js by timestamps on\n` +
      "the device, without transfers and without laying row-major tensors out and back; ONNX Runtime by the clock on the wall.",
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
    text: `${LAYER_TEXT} Images are row-major on both sides of the run, for everybody.`,
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
