/**
 * Loads the plotting library and the small document that it draws into: Observable Plot and linkedom. No other file
 * refers to them.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** The loaded library. */
export interface Library {
  readonly Plot: typeof import("npm:@observablehq/plot@0.6.17");
  /** Draws with `Plot.plot` into the small document. */
  plot(options: PlotOptions): Drawn;
}

/** Options of `Plot.plot`. */
export type PlotOptions = import("npm:@observablehq/plot@0.6.17").PlotOptions;

/** An element of the drawing, with the parts of the DOM's Element that are needed here. */
export interface Drawn {
  readonly outerHTML: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  querySelectorAll(selector: string): Iterable<Drawn>;
  remove(): void;
}

let loading: Promise<Library> | undefined;

/**
 * Loads both packages when the first picture is drawn. The specifiers are not literals, so that Deno does not download
 * the packages ahead of time. Throws DataError if they cannot be loaded.
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
