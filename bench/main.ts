/**
 * The benchmark: this project and its peers in one run, on one adapter.
 *
 * @module
 */

import { type Command, execute, oneOf, UsageError, wholeNumber } from "../tools/support/command.ts";
import { checkFolderOf } from "../tools/support/output.ts";
import { Arena, PEERS } from "./arena.ts";
import { forwardRows } from "./inference.ts";
import { merge, readResults } from "./results.ts";
import { measureScale } from "./scale.ts";
import { layerRows } from "./layers.ts";
import { trainingRows } from "./training.ts";
import { writeReport, writeText } from "./report.ts";
import { describe, type Row, type Scale, type Selection } from "./rows.ts";

const PEER_NAMES = [...new Set(Object.values(PEERS).flat())];
const WORKS = { forward: forwardRows, train: trainingRows, layers: layerRows } as const;
const WORK_NAMES = [...Object.keys(WORKS), "scale"] as (keyof typeof WORKS | "scale")[];

const HELP = `
Usage: deno task bench [options]

Times this project and its peers on the same graphs and numbers, in one run: networks forward, training steps, single
convolutions. Peers must agree with this project's answers. GFLOP/s count two operations a multiply-add; the ceiling is
what a loop of multiply-adds in registers reaches on the same adapter in the same minute. Times are medians.

Options:
  --only MODEL        one architecture, or layers whose name contains it (default: resnet18, resnet50 and
                      mobilenetv2_100, static and dynamic)
  --kernel-num N      kernels of the od_ models (default: 1 and 4)
  --batch B           images a run (default: 1 and 8; training steps and layers: 8)
  --work WORK         ${WORK_NAMES.join(", ")} (default: all but scale)
  --device DEVICE     webgpu, cpu (one thread) or cpu-pool (a worker a core) (default: all; training steps: webgpu)
  --peers NAMES       none, or some of ${PEER_NAMES.join(", ")}
                      (default: all; they are downloaded from npm when they are needed)
  --python PATH       a Python with torch, for pytorch
  --rounds R          timed runs at most (default 5)
  --operands WHERE    texture or buffer: where WebGPU kernels read from (default: what suits the adapter)
  --from FILES        report what earlier runs wrote with --json, too; what is measured again replaces it
  --json FILE         write {"rows":[{"work","model","kernelNum","batch","device","ms","gflops","ceilingGflops",
                      "peers":{NAME: ms}}]}
  --out FILE.md       write the report, and its chart beside it as FILE.svg
  -h, --help          this text
  --verbose           the stack of an error

Examples:
  deno task bench --out docs/bench.md --python /usr/bin/python3
  deno task bench --work scale --from bench.json --out docs/bench.md
  deno task bench --only od_resnet50 --kernel-num 4 --batch 8 --work forward --peers none
`;

/** No measurement starts another round after this time. Slow peers are timed once or twice. */
const BUDGET_MS = 1000;

const FLAGS = [
  "only",
  "kernel-num",
  "batch",
  "work",
  "device",
  "peers",
  "python",
  "rounds",
  "operands",
  "from",
  "json",
  "out",
] as const;

function peersOf(text: string | undefined): readonly string[] {
  if (text === undefined) return PEER_NAMES;
  const names = text === "none" ? [] : text.split(",");
  const unknown = names.find((name) => !PEER_NAMES.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--peers takes none or some of ${PEER_NAMES.join(", ")}, not "${unknown}"`);
  }
  return names;
}

/** The command line, for its tests too. */
export const command: Command<typeof FLAGS[number]> = {
  name: "bench",
  help: HELP,
  string: FLAGS,
  async run(args) {
    const work = oneOf("work", args.work, WORK_NAMES);
    const device = oneOf("device", args.device, ["webgpu", "cpu", "cpu-pool"]);
    const batch = wholeNumber("batch", args.batch);
    await checkFolderOf(args.json);
    await checkFolderOf(args.out);
    const notes: string[] = [];
    const arena = new Arena({
      peers: peersOf(args.peers),
      python: args.python,
      rounds: wholeNumber("rounds", args.rounds) ?? 5,
      budgetMs: BUDGET_MS,
      operands: oneOf("operands", args.operands, ["texture", "buffer"]),
      note(line) {
        notes.push(line);
        console.log(`not measured: ${line}`);
      },
    });
    const selection: Selection = {
      only: args.only,
      kernelNum: wholeNumber("kernel-num", args["kernel-num"]),
      batches: batch ? [batch] : undefined,
      devices: device ? [device] : undefined,
    };
    const earlier = await readResults(args.from);
    const rows: Row[] = [];
    let scale: Scale | undefined;
    const results = () => merge([...earlier, { rows, scale, contestants: [...arena.descriptions], notes }]);
    const save = async () => {
      if (args.json) await writeText(args.json, JSON.stringify(results(), null, 2) + "\n");
    };
    try {
      const usual = WORK_NAMES.filter((each) => each !== "scale" && !(each === "train" && batch === 1));
      if (!work && batch === 1) notes.push("training steps: batch norm in attention branches needs two images");
      for (const name of work ? [work] : usual) {
        if (name === "scale") {
          scale = await measureScale(arena, console.log);
          await save();
          continue;
        }
        for await (const row of WORKS[name](arena, selection)) {
          rows.push(row);
          console.log(describe(row));
          await save();
        }
      }
    } finally {
      await arena.dispose();
    }
    if (args.out) await writeReport(args.out, results());
  },
};

if (import.meta.main) Deno.exit(await execute(command, Deno.args));
