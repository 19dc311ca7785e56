/**
 * Replaces `@std/cli/parse-args` on machines that cannot reach its registry: its `parseArgs` over node:util, with the
 * features that the command lines use.
 *
 * @module
 */

import { parseArgs as nodeParseArgs } from "node:util";

/** Options of parseArgs. The names are those of `@std/cli/parse-args`. */
export interface ParseOptions<S extends string = string, B extends string = string, C extends S = S> {
  /** Flags that take a value. */
  readonly string?: readonly S[];
  /** Flags without a value. */
  readonly boolean?: readonly B[];
  /** String flags that can be repeated. Their value is an array. */
  readonly collect?: readonly C[];
  /** Long name -> its one-letter form. */
  readonly alias?: { readonly [name: string]: string };
  /** Default values of flags. */
  readonly default?: { readonly [name: string]: unknown };
  /** Called for every argument that is not a declared flag. If it returns false, the argument is not in the result. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The result of parseArgs: flags by name, everything else in `_`. A string flag without its value is "". */
export type Args<S extends string = string, B extends string = string, C extends string = never> =
  & { _: string[] }
  & { [K in Exclude<S, C>]?: string }
  & { [K in C]: string[] }
  & { [K in B]: boolean };

/** Parses command-line arguments. `--` ends the flags. */
export function parseArgs<S extends string = never, B extends string = never, C extends S = never>(
  argv: readonly string[],
  options: ParseOptions<S, B, C> = {},
): Args<S, B, C> {
  const { string = [], boolean = [], collect = [], alias = {}, unknown = () => true } = options;
  const declared = new Map<string, { type: "string" | "boolean"; short?: string; multiple: true }>();
  for (const [type, names] of [["string", string], ["boolean", boolean]] as const) {
    for (const name of names) {
      declared.set(name, { type, ...(alias[name] ? { short: alias[name] } : {}), multiple: true });
    }
  }
  const { tokens } = nodeParseArgs({
    args: markMissingValues(argv, string, alias),
    options: Object.fromEntries(declared),
    strict: false,
    tokens: true,
  });

  const flags: Record<string, unknown> = {};
  for (const name of boolean) flags[name] = false;
  for (const name of collect) flags[name] = [];
  Object.assign(flags, options.default);
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") {
      if (unknown(token.value) !== false) rest.push(token.value);
    } else if (token.kind === "option") {
      const { name, rawName, value } = token;
      if (!declared.has(name)) {
        if (unknown(rawName, name, value) !== false) flags[name] = value ?? true;
      } else if (declared.get(name)!.type === "boolean") flags[name] = value !== "false";
      else if ((collect as readonly string[]).includes(name)) flags[name] = [...flags[name] as string[], value ?? ""];
      else flags[name] = value ?? "";
    }
  }
  return { ...flags, _: rest } as Args<S, B, C>;
}

/**
 * node:util takes the next flag as the missing value ("--out --dtype f16"). This function writes such a flag as
 * "--out=".
 */
function markMissingValues(
  argv: readonly string[],
  names: readonly string[],
  alias: { readonly [name: string]: string },
): string[] {
  const forms = new Map(names.flatMap((name) => [[`--${name}`, name], [`-${alias[name] ?? name}`, name]]));
  const end = argv.indexOf("--");
  return argv.map((arg, i) => {
    if (end >= 0 && i > end) return arg;
    const next = argv[i + 1];
    const missing = next === undefined || (next.startsWith("-") && next.length > 1);
    return missing && forms.has(arg) ? `--${forms.get(arg)}=` : arg;
  });
}
