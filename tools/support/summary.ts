/**
 * Prints a report as text.
 *
 * @module
 */

import type { Report } from "../../src/evaluation/report.ts";

/** Prints the figures of a report on stdout, with the published ones beside the measured ones. */
export function printSummary(report: Report): void {
  const { images, skipped, published, seconds, imagesPerSecond } = report;
  const beside = (figure: number | undefined) => figure === undefined ? "" : `   (published: ${figure.toFixed(2)} %)`;
  const lines = {
    images: `${images}${skipped.length ? `, ${skipped.length} skipped` : ""}`,
    "top-1": `${report.top1.toFixed(2)} %${beside(published?.top1)}`,
    "top-5": `${report.top5.toFixed(2)} %${beside(published?.top5)}`,
    loss: report.loss.toFixed(4),
    speed: `${imagesPerSecond.toFixed(1)} images/s (${seconds.toFixed(1)} s)`,
  };
  for (const [name, text] of Object.entries(lines)) console.log(`${name.padEnd(8)} ${text}`);
}
