import { assertEquals } from "@std/assert";
import { createModel } from "../../src/models/model/model.ts";
import { inferConfig } from "../../src/models/find/infer.ts";
import { findPublished, REGISTRY } from "../../src/models/architectures/registry.ts";
import { PUBLISHED } from "../../src/models/architectures/published.ts";

// Written by PyTorch: tests/reference/write_state_dict_fixtures.py.
const ROWS: { arch: string; kernelNum: number; tensors: number; parameters: number; sha256: string }[] = JSON.parse(
  await Deno.readTextFile(new URL("../fixtures/state_dicts.json", import.meta.url)),
);

Deno.test("every architecture has the state dict of PyTorch: names, order, shapes and types", async (t) => {
  assertEquals(new Set(ROWS.map((r) => r.arch)), new Set(REGISTRY.keys()));
  for (const { arch, kernelNum, tensors, parameters, sha256 } of ROWS) {
    await t.step(`${arch}, kernel_num ${kernelNum}`, async () => {
      const model = createModel({ arch, kernelNum });
      const spec = model.stateDictSpec();
      assertEquals(spec.length, tensors);
      assertEquals(model.countParameters(), parameters);
      const dtypes = { F32: "float32", I64: "int64" };
      const lines = spec.map(({ name, shape, dtype }) => `${name} [${shape.join(", ")}] ${dtypes[dtype]}\n`);
      const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines.join("")));
      assertEquals(new Uint8Array(hash).toHex(), sha256);
    });
  }
});

Deno.test("countParameters() agrees with every published figure to its two decimals", () => {
  for (const [arch, rows] of Object.entries(PUBLISHED)) {
    for (const { kernelNum, parametersM } of rows) {
      const millions = createModel({ arch, kernelNum }).countParameters() / 1e6;
      assertEquals(Number(millions.toFixed(2)), parametersM, `${arch}, kernel_num ${kernelNum}`);
    }
  }
});

Deno.test("countMadds() counts convolutions, linear layers, attention branches, scalings and mixing", () => {
  // Counted from the same convention by an independent script; static networks equal the published figures.
  const expected: [string, number, number][] = [
    ["mobilenetv2_100", 1, 300774272],
    ["od_mobilenetv2_100", 1, 312899952],
    ["od_mobilenetv2_100", 4, 330287744],
    ["resnet18", 1, 1814073344],
    ["od_resnet18", 1, 1839476912],
    ["od_resnet18", 4, 1905390960],
    ["resnet50", 1, 4089184256],
    ["od_resnet50", 1, 4132562608],
    ["od_resnet50", 4, 4275346736],
    ["od_resnet101", 2, 7993993280],
  ];
  for (const [arch, kernelNum, madds] of expected) {
    assertEquals(createModel({ arch, kernelNum }).countMadds(), madds, `${arch}, kernel_num ${kernelNum}`);
  }
});

Deno.test("inferConfig() finds what a state dict was made from", () => {
  const configs = [...REGISTRY.keys()].flatMap((arch) =>
    arch.startsWith("od_")
      ? [1, 3, 4].map((kernelNum) => ({ arch, kernelNum, reduction: 0.0625, numClasses: 7 }))
      : [{ arch, kernelNum: 1, reduction: 0.0625, numClasses: 7 }]
  );
  configs.push({ arch: "od_resnet50", kernelNum: 2, reduction: 0.25, numClasses: 10 });
  configs.push({ arch: "od_mobilenetv2_075", kernelNum: 2, reduction: 0.125, numClasses: 10 });
  for (const config of configs) {
    const shapes = new Map(createModel(config).stateDictSpec().map((s) => [s.name, s]));
    assertEquals(inferConfig(shapes), config);
  }
});

Deno.test("inferConfig() finds a reduction that is no simple fraction", () => {
  const spec = createModel({ arch: "od_resnet18", reduction: 0.3 }).stateDictSpec();
  const { reduction } = inferConfig(new Map(spec.map((s) => [s.name, s])));
  assertEquals(createModel({ arch: "od_resnet18", reduction }).stateDictSpec(), spec);
});

Deno.test("findPublished() answers only for the configuration that was published", () => {
  assertEquals(findPublished({ arch: "od_resnet50", kernelNum: 4 })?.top1, 78.5);
  assertEquals(findPublished({ arch: "od_resnet50", kernelNum: 3 }), undefined);
  assertEquals(findPublished({ arch: "od_resnet50", kernelNum: 4, numClasses: 10 }), undefined);
});
