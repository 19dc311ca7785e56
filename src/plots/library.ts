/**
 * The plotting library, and the small document that it draws into: Observable Plot and linkedom. Nothing else names them.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** What draws. */
export interface Library {
  readonly Plot: typeof import("npm:@observablehq/plot@0.6.17");
  /** Draws by `Plot.plot` into the small document. */
  plot(options: PlotOptions): Drawn;
}

/** What is asked of `Plot.plot`. */
export type PlotOptions = import("npm:@observablehq/plot@0.6.17").PlotOptions;

/** An element of the drawing: as much of the DOM's Element as is needed. */
export interface Drawn {
  readonly outerHTML: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  querySelectorAll(selector: string): Iterable<Drawn>;
  remove(): void;
}

let loading: Promise<Library> | undefined;

/**
 * Loads both when the first picture is drawn: the specifiers are no literals, so that Deno does not fetch them ahead. Throws
 * DataError where they cannot be had.
 */
export function loadLibrary(): Promise<Library> {
  return loading ??= load().catch((error) => {
    loading = undefined;
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new DataError(`the plotting library cannot be loaded from npm: ${why}; connect to the network once`);
  });
}

async function load(): Promise<Library> {
  const specifier = (name: string, version: string) => `npm:${name}@${version}`;
  const Plot = await import(specifier("@observablehq/plot", "0.6.17"));
  const { parseHTML } = await import(specifier("linkedom", "0.18.12"));
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  return { Plot, plot: (options) => Plot.plot({ ...options, document }) };
}
