import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { safetensorsBlob } from "../../src/checkpoint/safetensors/blob.ts";
import { CIFAR10_NAMES } from "../../src/data/labels/cifar10_names.ts";
import { IMAGENET_NAMES } from "../../src/data/labels/imagenet.ts";
import { preprocess } from "../../src/data/pixels/preprocessing.ts";
import type { Interpolation } from "../../src/data/pixels/resize.ts";
import { CheckpointError } from "../../src/errors.ts";
import {
  decodeInference,
  encodeInference,
  type InferenceOverrides,
  overrideInference,
  usualInference,
} from "../../src/models/config/inference_config.ts";
import { loadModel } from "../../src/models/load.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import { REGISTRY } from "../../src/models/architectures/registry.ts";
import { sha256 } from "../data/expected.ts";
import { formulaImage } from "../data/formula_image.ts";
import expected from "../fixtures/inference.json" with { type: "json" };

type Three = readonly [number, number, number];

const SOURCE = { source: "here", sha256: "ab" };
const THREE = ["red", "green", "blue"];

/** A file of a resnet20 with three classes and this metadata. */
async function fileOf(metadata: Record<string, string>): Promise<Uint8Array<ArrayBuffer>> {
  const blob = await safetensorsBlob(createModel({ arch: "resnet20", numClasses: 3 }).stateDict(), metadata);
  return new Uint8Array(await blob.arrayBuffer());
}

for (const { sha256: sums, ...setting } of expected.settings) {
  const { imageSize, resize, interpolation } = setting;
  Deno.test(`a model of ${imageSize}x${imageSize} after ${resize} (${interpolation}) prepares every image as torchvision does`, async () => {
    const { preprocessing } = createModel({ arch: "resnet20" }, {
      ...setting,
      interpolation: interpolation as Interpolation,
      mean: setting.mean as unknown as Three,
      std: setting.std as unknown as Three,
    });
    for (const [i, [width, height]] of expected.images.entries()) {
      const input = preprocess(formulaImage(width, height), preprocessing);
      assertEquals(input.length, 3 * imageSize ** 2);
      assertEquals(await sha256(input), sums[i], `${width}x${height}`);
    }
  });
}

Deno.test("overrideInference() resizes by the share that is cropped as timm does", () => {
  const usual = usualInference({ arch: "resnet18" });
  for (const { imageSize, cropPct, resize } of expected.shares) {
    assertEquals(overrideInference(usual, { imageSize, cropPct }).resize, resize, `${imageSize} of ${cropPct}`);
  }
});

Deno.test("overrideInference() keeps the share of a size that is given alone, and a resize that is given", () => {
  const resizes = (arch: string, given: InferenceOverrides) =>
    overrideInference(usualInference({ arch }), given).resize;
  assertEquals([64, 96, 288].map((imageSize) => resizes("resnet18", { imageSize })), [73, 109, 329]);
  assertEquals([64, 96, 288].map((imageSize) => resizes("resnet20", { imageSize })), [64, 96, 288]);
  assertEquals(resizes("resnet18", { imageSize: 288, resize: 300 }), 300);
  assertEquals(resizes("resnet18", { imageSize: undefined, classNames: undefined }), 256);
});

Deno.test("every architecture's model makes its own size of images of any size", () => {
  for (const arch of REGISTRY.keys()) {
    const { preprocessing, imageSize } = createModel({ arch });
    for (const [width, height] of [[1, 1], [31, 200], [200, 31]]) {
      assertEquals(preprocess(formulaImage(width, height), preprocessing).length, 3 * imageSize ** 2, arch);
    }
  }
});

Deno.test("a model's configuration comes back from its file, members that nobody knows and an older file's are ignored", async () => {
  const { inference, config } = createModel({ arch: "resnet20", numClasses: 3 }, {
    imageSize: 40,
    resize: 50,
    interpolation: "bicubic",
    mean: [0.1, 0.2, 0.3],
    std: [0.4, 0.5, 0.6],
    temperature: 2.5,
    classNames: THREE,
    source: "a test",
  });
  const loaded = await loadModel(await fileOf(encodeMetadata(config, SOURCE, inference)));
  assertEquals(loaded.inference, inference);
  assertEquals([loaded.imageSize, loaded.temperature, loaded.classNames], [40, 2.5, THREE]);
  assertEquals(loaded.preprocessing, {
    resize: 50,
    crop: 40,
    interpolation: "bicubic",
    mean: [0.1, 0.2, 0.3],
    std: [0.4, 0.5, 0.6],
  });
  assertEquals(loaded.graph().inputs.get("x")!.shape, [1, 3, 40, 40]);

  const some = JSON.stringify({ image_size: 48, from_the_future: { x: [] } });
  const partly = await loadModel(await fileOf({ ...encodeMetadata(config, SOURCE), inference_config: some }));
  assertEquals(partly.inference, { ...usualInference(config), imageSize: 48, resize: 48 });

  const { inference_config: _, ...rest } = encodeMetadata(config, SOURCE);
  const preprocessing = JSON.stringify({ resize: null, crop: null, mean: [0.4914, 0.4822, 0.4465], std: [1, 1, 1] });
  for (const metadata of [{ ...rest, preprocessing }, rest, {}]) {
    assertEquals((await loadModel(await fileOf(metadata))).inference, usualInference(config));
  }
});

Deno.test("loadModel() refuses a configuration that is nonsense, naming file, member, what was found and expected", async () => {
  const config = { arch: "resnet20", numClasses: 3 };
  const deep = "[".repeat(100_000);
  const cases: readonly (readonly [text: string, message: string])[] = [
    ["", 'inference_config is "", expected an object of JSON'],
    [deep, "expected an object of JSON"],
    ["[]", 'inference_config is "[]", expected an object of JSON'],
    ['{"image_size":0}', "image_size is 0, expected a whole number from 1 to 4096"],
    ['{"image_size":1e9}', "image_size is 1000000000, expected"],
    ['{"image_size":"224"}', 'image_size is "224", expected'],
    ['{"image_size":4096,"resize":100000}', "resize is 100000, expected a whole number from 1 to 16384"],
    ['{"interpolation":"lanczos"}', 'interpolation is "lanczos", expected "bilinear" or "bicubic"'],
    ['{"interpolation":"constructor"}', "interpolation is"],
    ['{"mean":[123.675,116.28,103.53]}', "on the scale 0..1 (divide those of the scale 0..255 by 255)"],
    ['{"mean":[0.5,0.5]}', "mean is [0.5,0.5], expected three numbers"],
    ['{"std":[0,1,1]}', "std is [0,1,1], expected"],
    ['{"std":[1e-320,1,1]}', "std is [1e-320,1,1], expected"],
    ['{"temperature":0}', "temperature is 0, expected"],
    ['{"temperature":1e999}', "temperature is Infinity, expected"],
    ['{"class_names":["a","b"]}', "2 class names, expected 3"],
    ['{"class_names":["a","b",3]}', "expected a name of 1 to 1000 characters for class 2"],
    [`{"class_names":["a","b","${"x".repeat(1001)}"]}`, "for class 2"],
    ['{"class_names":{"0":"a"}}', "class_names is {...}, expected a list"],
    ['{"class_names":null}', "class_names is null, expected a list"],
    [`{"source":"${"x".repeat(5000)}"}`, "source is"],
  ];
  for (const [text, message] of cases) {
    const file = await fileOf({ ...encodeMetadata(config, SOURCE), inference_config: text });
    const error = await assertRejects(() => loadModel(file), CheckpointError, message);
    assert(error.message.startsWith("the given bytes: ") && error.message.length < 500, error.message);
  }
});

Deno.test("classes have the names that a file says; without, 1000 of an ImageNet network are ImageNet's and all others numbers", async () => {
  const named = createModel({ arch: "mobilenetv2_050" }, {
    classNames: Array.from({ length: 1000 }, (_, i) => `c${i}`),
  });
  const load = async (model: typeof named, metadata: Record<string, string>) =>
    (await loadModel(new Blob([await safetensorsBlob(model.stateDict(), metadata)]))).classNames;
  assertEquals(await load(named, {}), IMAGENET_NAMES);
  assertEquals(await load(named, encodeMetadata(named.config, SOURCE)), IMAGENET_NAMES);
  assertEquals(await load(named, encodeMetadata(named.config, SOURCE, named.inference)), named.classNames);
  const other = createModel({ arch: "mobilenetv2_050", numClasses: 10 });
  assertEquals(await load(other, {}), undefined);
  assertEquals(await load(createModel({ arch: "resnet20" }), {}), undefined);
  assertEquals(createModel({ arch: "resnet18" }).classNames, undefined);
  for (const name of ["resnet20_cifar10", "od_resnet20_cifar10"]) {
    const shipped = await loadModel(new URL(`../../weights/${name}.safetensors`, import.meta.url).pathname);
    assertEquals(shipped.classNames, CIFAR10_NAMES);
    shipped.close();
  }
});

Deno.test("withInference() shares layers and tensors, and says what it does not take", () => {
  const model = createModel({ arch: "od_resnet20", numClasses: 3 });
  model.temperature = 4;
  const other = model.withInference({ imageSize: 16, classNames: THREE, source: "here" });
  assert(other.network === model.network);
  assertEquals([other.imageSize, other.temperature, model.imageSize, model.classNames], [16, 4, 32, undefined]);
  assertEquals(other.inference.source, "od_resnet20's own; here");
  assertEquals(other.withInference({ source: "here" }).inference.source, "od_resnet20's own; here");
  let long = other;
  for (let i = 0; i < 300; i++) long = long.withInference({ source: `step ${i}` });
  assertEquals(decodeInference(encodeInference(long.inference), usualInference(model.config)), long.inference);
  assert(long.inference.source.endsWith("step 298; step 299"));
  assertThrows(() => model.withInference({ imageSize: 2.5 }), CheckpointError, "imageSize of a model is 2.5, expected");
  assertThrows(() => model.withInference({ imageSize: NaN }), CheckpointError, "imageSize");
  assertThrows(
    () => model.withInference({ imageSize: 4096, cropPct: 0.1 }),
    CheckpointError,
    "resize of a model is 40960",
  );
  assertThrows(() => model.withInference({ classNames: ["a"] }), CheckpointError, "1 class names, expected 3");
  assertThrows(
    () => createModel({ arch: "resnet20" }, { std: [0, 0, 0] }),
    CheckpointError,
    "std of a model is [0,0,0]",
  );
});
