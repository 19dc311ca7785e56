/** Every flag that a command line takes is named in its help, and its help names no other. */

import { assertEquals } from "@std/assert";
import { command as bench } from "../../bench/main.ts";
import { command as build } from "../../tools/build.ts";
import { command as classify } from "../../tools/classify.ts";
import { command as compare } from "../../tools/compare.ts";
import { command as convert } from "../../tools/convert.ts";
import { command as evaluate } from "../../tools/eval.ts";
import { command as exportModel } from "../../tools/export.ts";
import { command as inspect } from "../../tools/inspect.ts";
import { command as merge } from "../../tools/merge.ts";
import { command as parity } from "../../tools/parity.ts";
import { command as train } from "../../tools/train.ts";
import { command as trainingParity } from "../../tools/training_parity.ts";
import { command as web } from "../../tools/web.ts";

/** What a help text and its flags are taken from. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly string?: readonly string[];
  readonly boolean?: readonly string[];
}

const TOOLS: readonly Described[] = [
  bench,
  build,
  classify,
  compare,
  convert,
  evaluate,
  exportModel,
  inspect,
  merge,
  parity,
  train,
  trainingParity,
  web,
];

for (const { name, help, string = [], boolean = [] } of TOOLS) {
  Deno.test(`--help of ${name} names every flag, and no other`, () => {
    const described = new Set([...help.matchAll(/^ +(?:-\w, )?--([\w-]+)/gm)].map(([, flag]) => flag));
    assertEquals([...described].sort(), [...new Set([...string, ...boolean, "help", "verbose"])].sort());
  });
}
