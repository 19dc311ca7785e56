/**
 * Chooses variants for a graph by their measured speed. Measures what is not known.
 *
 * @module
 */

import type { Graph } from "../../graph/graph.ts";
import type { ChooseVariant } from "../plan/variant.ts";
import type { DeviceOwner } from "../run/backend.ts";
import { type Candidate, candidateOf, shapeOf } from "./candidates.ts";
import { measureCandidate } from "./measure.ts";
import { fastest, type Measured, type Tuning } from "./tuning.ts";

/** Returns the key of measurements. They are not valid on another adapter or with another kind of operand memory. */
export function adapterOf({ description, capabilities: { operands, maxBindingBytes } }: DeviceOwner): string {
  return `${description}, ${operands} operands, ${maxBindingBytes} bytes a binding`;
}

/**
 * Returns a function that chooses the fastest measured variant, or the best guess if nothing was measured. Throws
 * DeviceError if the device fails.
 */
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
