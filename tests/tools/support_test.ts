import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { CheckpointError } from "../../src/errors.ts";
import { type Command, execute, oneOf, positiveNumber, UsageError, wholeNumber } from "../../tools/support/command.ts";
import { progress } from "../../tools/support/progress.ts";
import { writeState } from "../../tools/support/state_folder.ts";
import { bytes } from "../../tools/support/style.ts";

Deno.test("`parseArgs()` splits flags, their values and the rest", () => {
  const args = parseArgs(["a.pth", "--out", "b", "-n", "3", "--json", "--", "--c"], {
    string: ["out", "num", "arch"],
    boolean: ["json", "force"],
    alias: { num: "n" },
    default: { arch: "resnet18" },
  });
  assertEquals(args, { out: "b", num: "3", json: true, force: false, arch: "resnet18", _: ["a.pth", "--c"] });
});

Deno.test("`parseArgs()` answers an empty string when a value is missing", () => {
  const args = parseArgs(["--out", "--dtype", "f16", "--arch"], { string: ["out", "dtype", "arch"] });
  assertEquals(args, { out: "", dtype: "f16", arch: "", _: [] });
});

Deno.test("`parseArgs()` collects repeated flags and reports unknown ones", () => {
  const unknown: string[] = [];
  const args = parseArgs(["--tag", "a", "--tag=b", "--oops", "x"], {
    string: ["tag"],
    collect: ["tag"],
    unknown: (arg) => (unknown.push(arg), true),
  });
  assertEquals(args as unknown, { tag: ["a", "b"], oops: true, _: ["x"] });
  assertEquals(unknown, ["--oops", "x"]);
});

async function run(command: Command<"out", "json">, ...argv: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const { log, error } = console;
  console.log = console.error = (...args: unknown[]) => void lines.push(args.map(String).join(" "));
  try {
    return { code: await execute(command, argv), text: lines.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

function command(body: Command<"out", "json">["run"]): Command<"out", "json"> {
  return { name: "thing", help: "usage: thing", string: ["out"], boolean: ["json"], run: body };
}

Deno.test("`execute()` answers the command's exit code, 0 when it answers nothing", async () => {
  assertEquals((await run(command(() => {}))).code, 0);
  assertEquals((await run(command(() => 3))).code, 3);
  let seen: unknown;
  await run(command((args) => void (seen = [args.out, args.json, args._])), "f", "--out=x", "--json");
  assertEquals(seen, ["x", true, ["f"]]);
});

Deno.test("`execute()` prints the help and runs nothing when asked for help", async () => {
  for (const flag of ["--help", "-h"]) {
    assertEquals(await run(command(() => 9), flag), { code: 0, text: "usage: thing" });
  }
});

Deno.test("`execute()` exits 2 when the usage is wrong", async () => {
  const unknown = await run(command(() => {}), "--nope");
  assertEquals(unknown.code, 2);
  assertStringIncludes(unknown.text, "there is no option --nope");
  assertStringIncludes((await run(command(() => {}), "--out", "--json")).text, "--out needs a value");
  assertEquals((await run(command(() => void oneOf("out", "c", ["a", "b"])))).code, 2);
  assertEquals((await run(command(() => void wholeNumber("out", "1.5")))).code, 2);
  assertStringIncludes((await run(command(() => void wholeNumber("out", "9", 1, 8)))).text, "from 1 to 8");
  assertStringIncludes((await run(command(() => {}), "")).text, "an argument is empty");
  assertEquals(
    (await run(command(() => {
      throw new UsageError("no");
    }))).code,
    2,
  );
});

Deno.test("`positiveNumber()` takes finite numbers above 0 and nothing else", () => {
  assertEquals(["0.0625", "1e-3", "2", undefined].map((value) => positiveNumber("r", value)), [
    0.0625,
    0.001,
    2,
    undefined,
  ]);
  for (const value of ["0", "-1", "x", " ", "NaN", "Infinity", "1e999"]) {
    assertThrows(() => positiveNumber("r", value), UsageError, `--r takes a number above 0, not "${value}"`);
  }
});

Deno.test("`execute()` exits 1 with one line for our errors, with the stack when --verbose or a bug", async () => {
  const broken = command(() => {
    throw new CheckpointError("a.pth: damaged");
  });
  assertEquals(await run(broken), { code: 1, text: "error: a.pth: damaged" });
  assertStringIncludes((await run(broken, "--verbose")).text, "CheckpointError: a.pth: damaged");
  const bug = await run(command(() => {
    throw new TypeError("bug");
  }));
  assertEquals(bug.code, 1);
  assertStringIncludes(bug.text, "TypeError: bug");
});

Deno.test("`execute()` exits 1 with one line when memory runs out", async () => {
  const { code, text } = await run(command(() => void new ArrayBuffer(2 ** 52)));
  assertEquals(code, 1);
  assertStringIncludes(text, "error: this machine has not enough memory for that");
  assertEquals(text.split("\n").length, 1);
});

Deno.test("`progress()` draws on a terminal and nowhere else", () => {
  for (const isTerminal of [true, false]) {
    let text = "";
    const terminal = {
      isTerminal: () => isTerminal,
      writeSync: (b: Uint8Array) => (text += new TextDecoder().decode(b), b.length),
    };
    const bar = progress("reading", 2000, bytes, terminal);
    bar.update(1000);
    bar.update(2000);
    bar.end();
    if (isTerminal) assertStringIncludes(text, "reading ████████████░░░░░░░░░░░░ 1.0 kB/2.0 kB");
    else assertEquals(text, "");
    const counter = progress("reading", undefined, bytes, terminal);
    counter.update(3000);
    if (isTerminal) assertStringIncludes(text, "reading 3.0 kB");
  }
});

Deno.test("`bytes()` keeps to one unit when rounding would reach the next", () => {
  assertEquals([0, 999, 1000, 999_949, 999_950, 8_900_000].map(bytes), [
    "0 B",
    "999 B",
    "1.0 kB",
    "999.9 kB",
    "1.0 MB",
    "8.9 MB",
  ]);
});

Deno.test("`writeState()` leaves one whole file when several write it at once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(1_000_000));
    await Promise.all(texts.map((text) => writeState(`${folder}/tuning.json`, text)));
    assertEquals(texts.includes(await Deno.readTextFile(`${folder}/tuning.json`)), true);
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["tuning.json"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
