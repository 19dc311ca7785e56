import { assertEquals } from "@std/assert";

const SRC = new URL("../src/", import.meta.url);

/**
 * For each folder: which of its subfolders each subfolder may import. The files directly in a folder are its public
 * interface and may import all of its subfolders. In src/ it is the other way round: all subfolders share the files in
 * it.
 */
const ARROWS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "": {
    checkpoint: [],
    data: [],
    graph: [],
    cpu: ["graph"],
    webgpu: ["graph"],
    nn: ["graph", "checkpoint"],
    models: ["nn", "graph", "checkpoint", "data"],
    plots: [],
    evaluation: ["models", "graph", "checkpoint", "data"],
    training: ["evaluation", "plots", "models", "nn", "graph", "checkpoint", "data"],
  },
  "checkpoint/": {
    tensors: [],
    pickle: [],
    source: ["tensors"],
    safetensors: ["tensors"],
    hub: ["source"],
    write: ["safetensors", "tensors"],
    training: ["write", "tensors"],
    remapping: ["pickle", "tensors"],
    torch: ["pickle", "tensors"],
  },
  "data/": {
    files: [],
    pixels: [],
    labels: ["files"],
    decoding: ["pixels"],
    pool: ["decoding", "pixels"],
    datasets: ["decoding", "labels", "pixels", "files"],
  },
  "data/decoding/": {
    wasm: [],
    inflate: [],
    gif: [],
    bmp: [],
    jpeg: ["wasm"],
    png: ["inflate"],
    tiff: ["inflate"],
  },
  "models/": {
    architectures: [],
    config: ["architectures"],
    model: ["config", "architectures"],
    find: ["model", "config", "architectures"],
  },
  "cpu/kernels/": {
    tensors: [],
    layout: ["tensors"],
    elementwise: ["layout", "tensors"],
    reduction: ["elementwise", "tensors"],
    linear: ["elementwise", "tensors"],
    convolution: ["linear", "elementwise", "layout", "tensors"],
  },
  "webgpu/": {
    plan: [],
    kernels: ["plan"],
    planner: ["kernels", "plan"],
    connection: ["plan"],
    run: ["planner", "connection", "plan"],
    profiler: ["run", "connection", "plan"],
    tuning: ["run", "planner", "kernels", "connection", "plan"],
  },
  "webgpu/kernels/": {
    wgsl: [],
    elementwise: ["wgsl"],
    layout: ["wgsl"],
    reduction: ["wgsl"],
    linear: ["reduction", "wgsl"],
    convolution: ["reduction", "layout", "wgsl"],
  },
  "webgpu/kernels/convolution/": {
    geometry: [],
    weights: ["geometry"],
    choice: ["geometry"],
    operands: ["weights"],
    direct: ["operands", "choice", "weights", "geometry"],
    cooperative: ["operands", "choice", "weights", "geometry"],
    convolve: ["direct", "cooperative", "operands", "geometry"],
    winograd: ["convolve", "operands", "weights", "geometry"],
    gradient: ["weights", "geometry"],
  },
};

async function* modules(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* modules(new URL(`${name}/`, folder));
    else if (/\.[jt]s$/.test(name)) yield new URL(name, folder);
  }
}

/** What each file of src/ imports of src/, by paths from there: imports of types and dynamic ones, too. */
async function importsOfSource(): Promise<Map<string, string[]>> {
  const imports = new Map<string, string[]>();
  const path = (url: URL) => url.href.slice(SRC.href.length);
  for await (const file of modules(SRC)) {
    const text = await Deno.readTextFile(file);
    const specifiers = [...text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, specifier]) => specifier);
    const targets = specifiers.map((specifier) => new URL(specifier, file)).filter(({ href }) =>
      href.startsWith(SRC.href)
    );
    imports.set(path(file), targets.map(path));
  }
  return imports;
}

/** Which of a folder's own folders a path leads into, "." where it is a file in it; undefined where it leads elsewhere. */
function roomOf(path: string, folder: string): string | undefined {
  if (!path.startsWith(folder)) return undefined;
  const [first, ...rest] = path.slice(folder.length).split("/");
  return rest.length ? first : ".";
}

Deno.test("the folders of src/ import each other one way", async () => {
  const imports = await importsOfSource();
  const wrong: string[] = [];
  for (const [folder, arrows] of Object.entries(ARROWS)) {
    for (const [file, targets] of imports) {
      const from = roomOf(file, folder);
      if (from === undefined || from === ".") continue;
      if (!(from in arrows)) wrong.push(`${folder}${from}/ is not in the table`);
      for (const target of targets) {
        const to = roomOf(target, folder);
        const isShared = folder === "" && to === ".";
        const arrow = to === undefined || to === from || isShared || arrows[from]?.includes(to);
        if (!arrow) wrong.push(`${file} -> ${target}`);
      }
    }
  }
  assertEquals(wrong, []);
});

/** Groups of files each of which reaches all others of its group (Tarjan's algorithm). */
function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const number = new Map<string, number>(), lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): void => {
    number.set(file, number.size);
    lowest.set(file, number.get(file)!);
    stack.push(file);
    for (const target of imports.get(file) ?? []) {
      if (!number.has(target)) visit(target);
      if (stack.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== number.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1 || imports.get(file)?.includes(file)) circles.push(group.sort());
  };
  for (const file of imports.keys()) if (!number.has(file)) visit(file);
  return circles.sort(([a], [b]) => a < b ? -1 : 1);
}

Deno.test("no files of src/ import each other in a circle", async () => {
  assertEquals(circlesOf(await importsOfSource()), []);
});
