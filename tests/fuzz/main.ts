/**
 * `deno task fuzz [--format NAME] [--inputs N] [--seed S]`: tests every reader with tens of thousands of damaged files.
 */

import { parseArgs } from "@std/cli/parse-args";
import { FORMATS } from "./formats.ts";
import { fuzz } from "./run.ts";
import { makeInput } from "./worker.ts";

const args = parseArgs(Deno.args, { string: ["format", "inputs", "seed"] });
const names = args.format ? [args.format] : Object.keys(FORMATS);
const inputs = Number(args.inputs ?? 20_000), seed = Number(args.seed ?? 1);
if (!names.every((name) => Object.hasOwn(FORMATS, name)) || !(inputs > 0) || !Number.isInteger(seed)) {
  console.error(`--format takes one of ${Object.keys(FORMATS).join(", ")}; --inputs and --seed take whole numbers`);
  Deno.exit(2);
}

let failed = false;
console.log(
  "| format | inputs | refused | read | failures | slowest | most memory asked for | process |\n|---|---|---|---|---|---|---|---|",
);
for (const format of names) {
  const { read, refused, failures, slowest, largest, resident } = await fuzz({ format, seed, inputs });
  const figures = [read + refused + failures.length, refused, read, failures.length];
  const memory = `${Math.ceil(largest / 1e3)} kB | ${Math.ceil(resident / 1e6)} MB`;
  console.log(`| ${format} | ${figures.join(" | ")} | ${slowest.toFixed(0)} ms | ${memory} |`);
  for (const { input, why } of failures) {
    const path = await Deno.makeTempFile({ prefix: `odconv_${format}_${seed}_${input}_` });
    await Deno.writeFile(path, makeInput(await FORMATS[format].seeds(), { format, seed }, input));
    console.error(`${format}, seed ${seed}, input ${input}, kept as ${path}: ${why}`);
  }
  failed ||= failures.length > 0;
}
Deno.exit(failed ? 1 : 0);
