/**
 * Draws learning curves: loss and top-1 accuracy over epochs, of one run or of several runs side by side.
 *
 * @module
 */

import { lineChart, type Series } from "../plots/mod.ts";
import type { EpochMetrics, StepMetrics } from "./metrics.ts";

/** The log lines of a run. */
export interface RunMetrics {
  readonly steps: readonly StepMetrics[];
  readonly epochs: readonly EpochMetrics[];
}

/** Largest number of points of a line of steps. A picture cannot show more. */
const MOST_POINTS = 300;

/**
 * Draws a run's training and validation curves as SVG. Neighbouring steps are averaged if the picture has no room for
 * all.
 */
export function drawCurves(steps: RunMetrics["steps"], epochs: RunMetrics["epochs"], title: string): Promise<string> {
  return draw(
    title,
    [stepLosses("training", steps), byEpoch("validation", epochs, "valLoss")],
    [byEpoch("training", epochs, "trainTop1"), byEpoch("validation", epochs, "valTop1")],
  );
}

/** Draws training losses and validation accuracies of several runs as SVG, one colour per run. */
export function drawRuns(runs: readonly (RunMetrics & { readonly name: string })[]): Promise<string> {
  return draw(
    runs.map(({ name }) => name).join(", "),
    runs.map(({ name, steps }) => stepLosses(name, steps)),
    runs.map(({ name, epochs }) => byEpoch(name, epochs, "valTop1")),
    { loss: "training loss", top1: "validation top-1" },
  );
}

function draw(
  title: string,
  losses: readonly Series[],
  accuracies: readonly Series[],
  { loss, top1 } = { loss: "loss", top1: "top-1" },
): Promise<string> {
  const x = { label: "epochs" };
  const description = [...losses.map((line) => say(loss, line)), ...accuracies.map((line) => say(top1, line))];
  return lineChart([
    { x, y: { label: loss }, series: losses },
    { x, y: { label: top1, unit: "%" }, series: accuracies },
  ], { title, description: description.join("; ") });
}

/** Describes a line: "loss, training: 2.31 to 0.42". */
function say(what: string, { name, points }: Series): string {
  if (!points.length) return `${what}, ${name}: nothing yet`;
  const [first, last] = [points[0], points[points.length - 1]].map(([, y]) => Number(y.toPrecision(4)));
  return `${what}, ${name}: ${first} to ${last}`;
}

function byEpoch(
  name: string,
  epochs: RunMetrics["epochs"],
  key: keyof Required<EpochMetrics> & `${"train" | "val"}${"Loss" | "Top1"}`,
): Series {
  return { name, points: epochs.map((epoch) => [epoch.epoch + 1, epoch[key]]) };
}

/** Returns the losses of the steps, each at the end of its step. Neighbouring steps are averaged. */
function stepLosses(name: string, steps: RunMetrics["steps"]): Series {
  const perEpoch = stepsPerEpoch(steps);
  const each = Math.ceil(steps.length / MOST_POINTS);
  const points: [number, number][] = [];
  for (let i = 0; i < steps.length; i += each) {
    const some = steps.slice(i, i + each);
    const mean = (of: (step: StepMetrics) => number) => some.reduce((sum, step) => sum + of(step), 0) / some.length;
    points.push([mean(({ step }) => (step + 1) / perEpoch), mean(({ loss }) => loss)]);
  }
  return { name, points, faint: true };
}

/** Returns the number of steps in the first epoch, or of all steps if that epoch is not over. */
function stepsPerEpoch(steps: RunMetrics["steps"]): number {
  const second = steps.findIndex(({ epoch }) => epoch > 0);
  return Math.max(second < 0 ? steps.length : second, 1);
}
