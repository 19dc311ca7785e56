/** The types of the benchmark's results. */

/** A kind of work. "layer" and its gradients are single convolutions. All others are whole networks. */
export type Work = "forward" | "train" | "layer" | "layer input gradient" | "layer weight gradient";

/** One line of the report. */
export interface Row {
  /** The work that was timed. */
  readonly work: Work;
  /** The architecture; for a layer, its extents: "3x3 64-64 56". */
  readonly model: string;
  /** Kernels of a dynamic network; 1 for static ones. */
  readonly kernelNum: number;
  /** Images per run. */
  readonly batch: number;
  /** This project's executor: "cpu" is one thread, "cpu-pool" is one worker per core with a batch each. */
  readonly device: "webgpu" | "cpu" | "cpu-pool";
  /** Median milliseconds of a run; for a layer on WebGPU, of its kernels. */
  readonly ms: number;
  /** Throughput; a multiply-add counts as two operations. */
  readonly gflops: number;
  /** Throughput of a loop of multiply-adds in registers, measured right after the runs; null except on WebGPU. */
  readonly ceilingGflops: number | null;
  /** Milliseconds of the peers by name: `ms` times the ratio of the peer's time to ours, measured in turns. */
  readonly peers: Readonly<Record<string, number>>;
  /** Time divided by that of other work on the same device, measured in turns. */
  readonly over?: Readonly<Partial<Record<Base, number>>>;
}

/**
 * What a row is compared with: the static network of the same shape, the same network's inference pass (batch norm
 * folded), or its training forward pass (the batch's own statistics and the loss).
 */
export type Base = "static" | "forward" | "training forward";

/** A measurement of a network as it grows, on WebGPU. */
export interface ScaleRow {
  readonly model: string;
  readonly kernelNum: number;
  readonly batch: number;
  readonly imageSize: number;
  /** Images that the device runs at a time: the batch, unless it was split. */
  readonly part: number;
  /** Median milliseconds of the batch. */
  readonly ms: number;
  readonly gflops: number;
  readonly ceilingGflops: number;
  /** Planned device memory. */
  readonly bytes: number;
  /** The part of the planned memory that activations share. */
  readonly activationBytes: number;
}

/** Images per second, by number of decoding threads. */
export interface DecodingRow {
  readonly workers: number;
  /** Decoding and preprocessing alone. */
  readonly decoded: number;
  /** The network alone. */
  readonly alone: number;
  /** A whole evaluation. */
  readonly evaluated: number;
}

/** The measurements of `--work scale`. */
export interface Scale {
  readonly networks: readonly ScaleRow[];
  readonly decoding: readonly DecodingRow[];
  /** The network of the evaluation. */
  readonly evaluated: string;
  /** Cores of the machine. */
  readonly cores: number;
}

/** The content of a `--json` file. */
export interface Results {
  /** The measurements. */
  readonly rows: readonly Row[];
  /** Only with `--work scale`. */
  readonly scale?: Scale;
  /** The contestants: versions, adapter, threads. */
  readonly contestants: readonly string[];
  /** What could not be measured, and why. */
  readonly notes: readonly string[];
}

/** The measurements that a user selects. Each kind of work has its own defaults. */
export interface Selection {
  /** An architecture, or part of a layer's name. */
  readonly only?: string;
  /** Kernels of dynamic networks. */
  readonly kernelNum?: number;
  /** Images per run. */
  readonly batches?: readonly number[];
  /** Executors of this project. */
  readonly devices?: readonly Row["device"][];
}

/** Formats a row as one line, as progress output. */
export function describe({ work, model, kernelNum, batch, device, ms, gflops, ceilingGflops, peers }: Row): string {
  const kernels = model.startsWith("od_") ? ` n=${kernelNum}` : "";
  const ceiling = ceilingGflops === null ? "" : ` of ${ceilingGflops.toFixed(0)}`;
  const others = Object.entries(peers).map(([name, other]) => `; ${name} ${(other / ms).toFixed(2)}x`);
  return `${device} ${work} ${model}${kernels} batch ${batch}: ${ms.toFixed(1)} ms, ` +
    `${gflops.toFixed(1)}${ceiling} GFLOP/s${others.join("")}`;
}
