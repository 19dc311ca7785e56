import { assert, assertEquals } from "@std/assert";
import { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/graph/ops/mod.ts";
import { convolutionGeometry } from "../../src/webgpu/kernels/convolution/geometry/geometry.ts";
import {
  byTileCost,
  directTiles,
  tileName,
  tilesFor,
} from "../../src/webgpu/kernels/convolution/choice/convolution_tiles.ts";
import { variantsOf } from "../../src/webgpu/kernels/convolution/choice/variants.ts";
import type { Capabilities } from "../../src/webgpu/plan/plan.ts";
import { ANY_DEVICE } from "../../src/webgpu/planner/planned_memory.ts";

const HARDWARE: Capabilities = { ...ANY_DEVICE, winograd: false };
const SOFTWARE: Capabilities = { ...HARDWARE, profile: "software" };

/** The geometry of a convolution of a square map with this number of channels. */
function geometryOf(channels: number, size: number, kernel: number, groups = 1) {
  const image = [1, channels, size, size];
  const weight = [channels, channels / groups, kernel, kernel];
  const padding = kernel >> 1;
  const window = { stride: [1, 1], padding: [padding, padding], dilation: [1, 1], groups } as const;
  return { image, weight, window, geometry: convolutionGeometry(image, weight, image, window) };
}

/** The names of what is offered of a convolution, best guess first. */
function offered(capabilities: Capabilities, ...extents: Parameters<typeof geometryOf>): string[] {
  const { image, weight, window } = geometryOf(...extents);
  const graph = new Graph();
  const operands = {
    x: graph.input("x", image),
    weight: graph.parameter("w", weight, () => Promise.resolve(new Float32Array())),
  };
  graph.apply(OPERATORS.conv2d, "conv", operands, { ...window, activation: "none" });
  return variantsOf(graph.nodes[0], capabilities).map(({ name }) => name);
}

/** Columns of tiles that share nothing, in their order. */
const columnsOf = (names: readonly string[]) =>
  names.filter((name) => name.startsWith("direct-")).map((name) => Number(/-(\d+)x/.exec(name)![1]));

Deno.test("on hardware narrow tiles come before wide ones, which load from as many lines of the cache as lanes", () => {
  for (const [channels, size, kernel, groups] of [[64, 56, 3, 1], [64, 56, 1, 1], [256, 14, 3, 1], [64, 28, 3, 64]]) {
    const hardware = columnsOf(offered(HARDWARE, channels, size, kernel, groups));
    assert(hardware.length > 1 && hardware[0] <= 4, `${hardware}`);
    const software = columnsOf(offered(SOFTWARE, channels, size, kernel, groups));
    assert(software[0] > 4, `${software}`);
  }
  assertEquals(columnsOf(offered(HARDWARE, 64, 28, 3, 64)), [2, 4, 1]);
});

Deno.test("what is offered is in the order of what it should cost, shared tiles among the others", () => {
  for (const [channels, size, kernel] of [[64, 56, 3], [64, 56, 1], [256, 14, 3], [512, 7, 3], [12, 9, 3]]) {
    const { geometry } = geometryOf(channels, size, kernel);
    for (const capabilities of [HARDWARE, SOFTWARE]) {
      const names = offered(capabilities, channels, size, kernel);
      const sorted = byTileCost(geometry, tilesFor(geometry, capabilities)).map(tileName);
      const places = names.filter((name) => sorted.includes(name)).map((name) => sorted.indexOf(name));
      assertEquals(places, places.toSorted((a, b) => a - b), `${names}`);
    }
    assertEquals(offered(HARDWARE, channels, size, kernel)[0].split("-")[0], "workgroup");
  }
});

Deno.test("no tile of hardware keeps more than 64 sums an invocation, but for those that share", () => {
  for (const kernel of [1, 3, 7]) {
    const { geometry } = geometryOf(64, 56, kernel);
    const tiles = tilesFor(geometry, HARDWARE).filter(({ shared }) => !shared);
    assert(tiles.length > 0 && tiles.every(({ columns, outputs, rows }) => columns * outputs <= 16 && !rows));
    if (kernel < 7) assert(directTiles(geometry).some(({ columns, outputs }) => columns * outputs > 16));
  }
});
