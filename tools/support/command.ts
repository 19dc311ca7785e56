/**
 * The framework of all command lines: flags are declared as data; every tool has `--help` and `--verbose`. An expected
 * error is printed as one line with exit code 1. Wrong usage has exit code 2.
 *
 * A tool is a value of type Command and, at its end,
 *
 *     if (import.meta.main) Deno.exit(await execute(command, Deno.args));
 *
 * @module
 */

import { isAbsolute } from "node:path";
import { type Args, parseArgs } from "@std/cli/parse-args";
import { isOdconvError } from "../../src/errors.ts";
import { narrowWorkers } from "../../src/worker_options.ts";
import { printable } from "./printable.ts";
import { red } from "./style.ts";

/** Wrong usage. The message is printed with a hint to --help; the exit code is 2. */
export class UsageError extends Error {
  /** Always "UsageError". */
  override name = "UsageError";
}

/** A command line tool. */
export interface Command<S extends string = never, B extends string = never, C extends S = never> {
  /** The tool's name in messages ("convert"). */
  readonly name: string;
  /** Text of `--help`: usage, purpose, every flag, examples. */
  readonly help: string;
  /** Flags that take a value. */
  readonly string?: readonly S[];
  /** Flags without a value. `help` and `verbose` always exist. */
  readonly boolean?: readonly B[];
  /** String flags that may be repeated. */
  readonly collect?: readonly C[];
  /** Long name -> its one-letter form. */
  readonly alias?: { readonly [name: string]: string };
  /** Default values of flags. */
  readonly default?: { readonly [name: string]: unknown };
  /** Does the work. Returns the exit code; undefined means 0. */
  run(args: Args<S, B, C>): Promise<number | void> | number | void;
}

/** Parses the arguments, runs the command and reports errors on stderr; returns the exit code. */
export async function execute<S extends string, B extends string, C extends S>(
  command: Command<S, B, C>,
  argv: readonly string[],
): Promise<number> {
  // Read before parsing, so that it applies to parsing errors, too.
  const verbose = argv.includes("--verbose");
  // Deno supports permissions of workers here: it has read this project's deno.json, or the import above would have
  // failed.
  narrowWorkers();
  try {
    const args = parse(command, argv);
    if ((args as unknown as { help: boolean }).help) {
      console.log(command.help.trim());
      return 0;
    }
    return await command.run(args) ?? 0;
  } catch (error) {
    return report(command.name, error, verbose);
  }
}

function parse<S extends string, B extends string, C extends S>(
  command: Command<S, B, C>,
  argv: readonly string[],
): Args<S, B, C> {
  const args = parseArgs(argv, {
    string: command.string ?? [],
    boolean: [...command.boolean ?? [], "help", "verbose"] as string[],
    collect: command.collect ?? [],
    alias: { help: "h", ...command.alias },
    default: command.default ?? {},
    unknown(arg, key) {
      if (key !== undefined) throw new UsageError(`there is no option ${arg}`);
    },
  }) as unknown as Args<S, B, C>;
  const values = args as Record<string, unknown>;
  for (const name of command.string ?? []) {
    if ([values[name]].flat().includes("")) throw new UsageError(`--${name} needs a value`);
  }
  if (args._.includes("")) throw new UsageError("an argument is empty");
  return args;
}

/** Prints an error according to its kind; returns the exit code. */
function report(name: string, error: unknown, verbose: boolean): number {
  if (error instanceof UsageError) {
    console.error(`${red("error")}: ${error.message}. ${name} --help says more.`);
    return 2;
  }
  if (!verbose && error instanceof RangeError && /allocation failed/i.test(error.message)) {
    console.error(`${red("error")}: this machine has not enough memory for that; a smaller --batch takes less`);
    return 1;
  }
  const expected = isOdconvError(error) || error instanceof Deno.errors.NotCapable;
  if (expected && !verbose) console.error(`${red("error")}: ${printable(error.message)}${hintOf(error)}`);
  else console.error(`${red("error")}:`, error);
  return 1;
}

/**
 * Returns a suffix for the message of an error. For a missing file it says in which folder relative paths begin,
 * because tasks can be called from a folder below it.
 */
export function hintOf(error: Error): string {
  if (isAbsolute(error.message)) return "";
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof Deno.errors.NotFound)) continue;
    try {
      return `. Tasks run in ${Deno.cwd()}, where relative paths begin`;
    } catch {
      return "";
    }
  }
  return "";
}

/** Largest number of threads that a flag accepts. */
export const MOST_WORKERS = 256;

/** Returns the value of a flag that is a whole number from `least` to `most`, or undefined. Throws UsageError. */
export function wholeNumber(
  flag: string,
  value: string | undefined,
  least = 1,
  most: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || !(number >= least && number <= most)) {
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new UsageError(`--${flag} takes a whole number ${range}, not "${value}"`);
  }
  return number;
}

/** Returns the value of a flag that is a finite number above 0, or undefined. Throws UsageError. */
export function positiveNumber(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0 && number < Infinity)) throw new UsageError(`--${flag} takes a number above 0, not "${value}"`);
  return number;
}

/** Returns the value of a flag that is one of `words`, or undefined. Throws UsageError. */
export function oneOf<T extends string>(
  flag: string,
  value: string | undefined,
  words: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const word = words.find((w) => w === value);
  if (!word) throw new UsageError(`--${flag} takes ${words.join(" or ")}, not "${value}"`);
  return word;
}
