/** What the bench measures and writes down. */

/** A kind of work. "layer" and its gradients are single convolutions, all else whole networks. */
export type Work = "forward" | "train" | "layer" | "layer input gradient" | "layer weight gradient";

/** One line of the report. */
export interface Row {
  /** What was timed. */
  readonly work: Work;
  /** The architecture; of a layer, its extents: "3x3 64-64 56". */
  readonly model: string;
  /** Kernels of a dynamic network; 1 for static ones. */
  readonly kernelNum: number;
  /** Images a run. */
  readonly batch: number;
  /** Which of this project's executors ran it: "cpu" is one thread, "cpu-pool" a worker a core with a batch each. */
  readonly device: "webgpu" | "cpu" | "cpu-pool";
  /** Median milliseconds of a run; of a layer on WebGPU, of its kernels. */
  readonly ms: number;
  /** Two operations a multiply-add. */
  readonly gflops: number;
  /** What a loop of multiply-adds in registers reached right after the runs; null but on WebGPU. */
  readonly ceilingGflops: number | null;
  /** Milliseconds of the others by name: `ms` times how many times as long they take in turns with this project. */
  readonly peers: Readonly<Record<string, number>>;
  /** How many times as long it takes as other work on the same device that it took turns with. */
  readonly over?: Readonly<Partial<Record<Base, number>>>;
}

/**
 * What a row is set against: the static network of the same shape, the same network forward as it infers, with batch norm
 * folded, and forward as it trains, with the batch's own statistics and the loss.
 */
export type Base = "static" | "forward" | "training forward";

/** A network as it grows, on WebGPU. */
export interface ScaleRow {
  readonly model: string;
  readonly kernelNum: number;
  readonly batch: number;
  readonly imageSize: number;
  /** Images that the device takes at a time: the batch, unless it was split. */
  readonly part: number;
  /** Median milliseconds of the batch. */
  readonly ms: number;
  readonly gflops: number;
  readonly ceilingGflops: number;
  /** Planned device memory. */
  readonly bytes: number;
  /** Its part that activations share. */
  readonly activationBytes: number;
}

/** Images a second, by decoding threads. */
export interface DecodingRow {
  readonly workers: number;
  /** Decoding and preprocessing alone. */
  readonly decoded: number;
  /** The network alone. */
  readonly alone: number;
  /** A whole evaluation. */
  readonly evaluated: number;
}

/** What `--work scale` measures. */
export interface Scale {
  readonly networks: readonly ScaleRow[];
  readonly decoding: readonly DecodingRow[];
  /** The network of the evaluation. */
  readonly evaluated: string;
  /** Of the machine. */
  readonly cores: number;
}

/** What `--json` writes. */
export interface Results {
  /** What was measured. */
  readonly rows: readonly Row[];
  /** Only with `--work scale`. */
  readonly scale?: Scale;
  /** Who took part: versions, adapter, threads. */
  readonly contestants: readonly string[];
  /** What could not be measured, and why. */
  readonly notes: readonly string[];
}

/** What a person wants measured; what is left out is up to the kind of work. */
export interface Selection {
  /** An architecture, or part of a layer's name. */
  readonly only?: string;
  /** Kernels of dynamic networks. */
  readonly kernelNum?: number;
  /** Images a run. */
  readonly batches?: readonly number[];
  /** Executors of this project. */
  readonly devices?: readonly Row["device"][];
}

/** A row in one line, for people who wait. */
export function describe({ work, model, kernelNum, batch, device, ms, gflops, ceilingGflops, peers }: Row): string {
  const kernels = model.startsWith("od_") ? ` n=${kernelNum}` : "";
  const ceiling = ceilingGflops === null ? "" : ` of ${ceilingGflops.toFixed(0)}`;
  const others = Object.entries(peers).map(([name, other]) => `; ${name} ${(other / ms).toFixed(2)}x`);
  return `${device} ${work} ${model}${kernels} batch ${batch}: ${ms.toFixed(1)} ms, ` +
    `${gflops.toFixed(1)}${ceiling} GFLOP/s${others.join("")}`;
}
