/**
 * Choosing variants for a graph by what is known of their speed, and measuring what is not.
 *
 * @module
 */

import type { Graph } from "../../graph/graph.ts";
import type { ChooseVariant } from "../plan/variant.ts";
import type { DeviceOwner } from "../run/backend.ts";
import { type Candidate, candidateOf, shapeOf } from "./candidates.ts";
import { measureCandidate } from "./measure.ts";
import { fastest, type Measured, type Tuning } from "./tuning.ts";

/** What measurements are kept under: they are not true on another adapter or with other operands. */
export function adapterOf({ description, capabilities: { operands, maxBindingBytes } }: DeviceOwner): string {
  return `${description}, ${operands} operands, ${maxBindingBytes} bytes a binding`;
}

/** Answers who chooses: the fastest where that is known, else the best guess. Throws DeviceError where the device fails. */
export async function tunedChoice(backend: DeviceOwner, graph: Graph, tuning: Tuning): Promise<ChooseVariant> {
  const adapter = adapterOf(backend);
  const { measure, notice, onMeasured, onProgress } = tuning.options;
  if (!measure && !tuning.adapters.includes(adapter)) {
    if (tuning.adapters.length) notice?.(`the tuning cache knows other adapters than this one (${adapter}): ignored`);
    return (_, variants) => variants[0];
  }
  const answers = new Map<string, string>();
  const unknown: Candidate[] = [];
  const seen = new Set<string>();
  let stale = 0;
  for (const node of graph.nodes) {
    const shape = shapeOf(node);
    if (seen.has(shape)) continue;
    seen.add(shape);
    const known = tuning.measured(adapter, shape);
    const candidate = known || measure ? await candidateOf(node, backend.capabilities) : undefined;
    if (!candidate) continue;
    if (known && isTrue(known, candidate)) answers.set(shape, choiceOf(candidate, known));
    else {
      unknown.push(candidate);
      if (known) stale++;
    }
  }
  if (stale) {
    const then = measure ? "measuring them again" : "ignored";
    notice?.(`the tuning cache measured other kernels than these for ${stale} shapes: ${then}`);
  }
  if (measure && unknown.length) {
    for (const [i, candidate] of unknown.entries()) {
      onProgress?.(i, unknown.length);
      const { shape, source } = candidate;
      const measured = { source, milliseconds: await measureCandidate(backend, candidate) };
      tuning.add(adapter, shape, measured);
      answers.set(shape, choiceOf(candidate, measured));
    }
    onProgress?.(unknown.length, unknown.length);
    notice?.(`tuning measured the kernels of ${unknown.length} shapes`);
    await onMeasured?.(tuning.toJSON());
  }
  return (node, variants) => {
    const name = answers.get(shapeOf(node));
    return variants.find((variant) => variant.name === name) ?? variants[0];
  };
}

function isTrue({ source, milliseconds }: Measured, { source: now, variants }: Candidate): boolean {
  return source === now && milliseconds.size === variants.length &&
    variants.every(({ name }) => milliseconds.has(name));
}

function choiceOf({ variants }: Candidate, { milliseconds }: Measured): string {
  return fastest(variants.map(({ name }) => name), milliseconds);
}
