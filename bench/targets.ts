/** This project's performance targets, as ratios within one run, and whether they are reached. */

import { markdownTable } from "../tools/support/markdown_table.ts";
import { nameOf } from "./tables.ts";
import type { Base, Row } from "./rows.ts";

/** A lower or upper bound on ratios. */
interface Target {
  readonly title: string;
  /** The bound. The worst row counts. */
  readonly bound: { readonly least: number } | { readonly most: number };
  /** Returns the ratio of a row; undefined if the target does not apply to it. */
  ratio(row: Row): number | undefined;
}

/** The suffix of a title for a device; most targets are about WebGPU. */
const WHERE: Readonly<Record<Row["device"], string>> = {
  webgpu: "",
  cpu: ", on one core",
  "cpu-pool": ", on all cores",
};

const isDynamic = ({ model }: Row) => model.startsWith("od_");
const isForward = ({ work, device }: Row) => work === "forward" && device === "webgpu";

const against = (peer: string, least: number): Target => ({
  title: `dynamic networks forward, against ${peer}`,
  bound: { least },
  ratio: (row) => isForward(row) && isDynamic(row) && row.peers[peer] ? row.peers[peer] / row.ms : undefined,
});

const overStatic = (device: Row["device"], kernelNum: number, most: number): Target => ({
  title: `dynamic over static, ${kernelNum} kernel${kernelNum > 1 ? "s" : ""}${WHERE[device]}`,
  bound: { most },
  ratio: (row) =>
    row.work === "forward" && row.device === device && row.kernelNum === kernelNum ? row.over?.static : undefined,
});

const stepOver = (base: Base, most: number): Target => ({
  title: `training step over ${base}`,
  bound: { most },
  ratio: (row) => row.work === "train" && row.device === "webgpu" ? row.over?.[base] : undefined,
});

const againstPyTorch = (
  device: Row["device"],
  title: string,
  least: number,
  applies: (row: Row) => boolean,
): Target => ({
  title: `${title}, against PyTorch${WHERE[device]}`,
  bound: { least },
  ratio: (row) => row.device === device && row.peers.pytorch && applies(row) ? row.peers.pytorch / row.ms : undefined,
});

/** Targets of forward passes against PyTorch. */
const forwardAgainstPyTorch = (device: Row["device"]): Target[] => {
  const dynamic = (kernelNum: number) => (row: Row) =>
    row.work === "forward" && row.batch === 8 && isDynamic(row) && row.kernelNum === kernelNum;
  return [
    againstPyTorch(device, "forward, batch 8, 4 kernels", 1.3, dynamic(4)),
    againstPyTorch(device, "forward, batch 8, 1 kernel", 1, dynamic(1)),
    againstPyTorch(device, "forward, batch 1", 1 / 1.5, (row) => row.work === "forward" && row.batch === 1),
  ];
};

const ofCeiling = (title: string, work: Row["work"], least: number, applies: (name: string) => boolean): Target => ({
  title: `${title}, of the ceiling`,
  bound: { least },
  ratio: (row) =>
    row.work === work && row.ceilingGflops !== null && applies(row.model) ? row.gflops / row.ceilingGflops : undefined,
});

const is3x3 = (name: string) => /^3x3 \d/.test(name);
const is1x1 = (name: string) => name.startsWith("1x1 ");

const TARGETS: readonly Target[] = [
  against("tfjs-webgpu", 10),
  against("onnxruntime-webgpu", 15),
  against("onnxruntime-wasm", 2),
  ofCeiling("3x3 convolutions of stride 1", "layer", 0.75, is3x3),
  ofCeiling("1x1 convolutions", "layer", 0.6, is1x1),
  ofCeiling("weight gradients of both", "layer weight gradient", 0.5, (name) => is3x3(name) || is1x1(name)),
  overStatic("webgpu", 1, 1.1),
  overStatic("webgpu", 4, 1.25),
  overStatic("cpu", 1, 1.1),
  overStatic("cpu", 4, 1.25),
  ...forwardAgainstPyTorch("webgpu"),
  ...forwardAgainstPyTorch("cpu-pool"),
  againstPyTorch(
    "webgpu",
    "training step of od_resnet18",
    1,
    (row) => row.work === "train" && row.model === "od_resnet18",
  ),
  stepOver("forward", 3),
  stepOver("training forward", 3.5),
  {
    title: "static networks, against tfjs-wasm, on one core",
    bound: { least: 1 },
    // For a dynamic network tfjs ran the static twin, which is not the same work.
    ratio: (row) =>
      row.work === "forward" && row.device === "cpu" && !isDynamic(row) && row.peers["tfjs-wasm"]
        ? row.peers["tfjs-wasm"] / row.ms
        : undefined,
  },
];

/** Returns every target that has rows: bound, worst and best ratio, and how many rows reach it. */
export function targetTable(rows: readonly Row[]): string {
  const lines = TARGETS.flatMap(({ title, bound, ratio }) => {
    const measured = rows.flatMap((row) => {
      const value = ratio(row);
      return value === undefined ? [] : [{ row, value }];
    }).sort((a, b) => a.value - b.value);
    if (measured.length === 0) return [];
    const most = "most" in bound;
    if (most) measured.reverse();
    const limit = most ? bound.most : bound.least;
    const reached = measured.filter(({ value }) => most ? value <= limit : value >= limit).length;
    const [worst] = measured;
    const best = measured[measured.length - 1];
    return [[
      title,
      `${most ? "at most" : "at least"} ${limit.toPrecision(3)}`,
      `${worst.value.toPrecision(3)} (${nameOf(worst.row)}, batch ${worst.row.batch})`,
      best.value.toPrecision(3),
      `${reached} of ${measured.length}`,
    ]];
  });
  return markdownTable(["ratio", "target", "worst", "best", "reached"], lines);
}
