/** Times the forward pass of whole networks, on images of each architecture's own size. */

import type { Model } from "../src/models/model/model.ts";
import type { Arena, Task } from "./arena.ts";
import { countMadds, networksOf, seededModel, staticTwin } from "./networks.ts";
import type { Row, Selection } from "./rows.ts";

/** Measures the rows one after the other. */
export async function* forwardRows(arena: Arena, selection: Selection): AsyncGenerator<Row> {
  const { batches = [1, 8], devices = ["webgpu", "cpu", "cpu-pool"] } = selection;
  // Opened before any peer: once ONNX Runtime has run in a process, no worker starts in it.
  if (devices.includes("cpu-pool")) await arena.backend("cpu-pool");
  for (const { arch, kernelNum } of networksOf(selection)) {
    const model = await seededModel(arch, kernelNum);
    const twin = staticTwin(arch) === arch ? undefined : await seededModel(staticTwin(arch), 1);
    for (const batch of batches) {
      const task = forwardTask(model, batch);
      for (const device of devices) {
        const { ms, ceilingGflops } = await arena.time(device, task);
        const over = twin && { static: await arena.ratio(device, task, forwardTask(twin, batch)) };
        const peers = await arena.timePeers(device, task, {
          ms,
          batch,
          twin: twin && forwardTask(twin, batch),
          job: { work: "forward", model: arch, kernelNum, batch, imageSize: model.imageSize },
        });
        const gflops = 2 * countMadds(task.graph) / ms / 1e6;
        yield { work: "forward", model: arch, kernelNum, batch, device, ms, gflops, ceilingGflops, peers, over };
      }
    }
  }
}

/** The network's graph for inference. */
export function forwardTask(model: Model, batch: number): Task {
  const { arch, kernelNum } = model.config;
  return { name: `${arch} n=${kernelNum} batch ${batch}`, graph: model.graph({ batch }) };
}
