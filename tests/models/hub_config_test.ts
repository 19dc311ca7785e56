import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { HubOptions } from "../../src/checkpoint/hub/options.ts";
import { openCheckpoint } from "../../src/checkpoint/open.ts";
import { safetensorsBlob } from "../../src/checkpoint/safetensors/blob.ts";
import { CheckpointError } from "../../src/errors.ts";
import { decodeHubConfig } from "../../src/models/config/hub_config.ts";
import { findNetwork } from "../../src/models/find/find_network.ts";
import {
  type InferenceConfig,
  type InferenceOverrides,
  overrideInference,
  usualInference,
} from "../../src/models/config/inference_config.ts";
import { inferenceOf } from "../../src/models/load.ts";
import { encodeMetadata } from "../../src/models/config/metadata.ts";
import { createModel } from "../../src/models/model/model.ts";
import { COMMIT, type HubServer, startHub } from "../checkpoint/hub_server.ts";

/** A part of timm's configuration of a ResNet: the members that are used, and some that are not. */
const TIMM = {
  tag: "a1",
  hf_hub_id: "timm/net",
  input_size: [3, 224, 224],
  test_input_size: [3, 288, 288],
  interpolation: "bicubic",
  crop_pct: 0.95,
  test_crop_pct: 1,
  crop_mode: "center",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  num_classes: 3,
  pool_size: [7, 7],
};
const NAMES = ["red", "green", "blue"];
const SAID: InferenceOverrides = {
  imageSize: 224,
  cropPct: 0.95,
  interpolation: "bicubic",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  classNames: undefined,
};

/** What of a config.json counts. */
function decode(json: unknown): InferenceOverrides {
  return decodeHubConfig({ name: "hf:me/net/config.json", text: JSON.stringify(json) });
}

Deno.test("decodeHubConfig() takes timm's settings, old files' and the names of classes wherever they are", () => {
  const source = "hf:me/net/config.json";
  const cases: readonly (readonly [json: unknown, classNames: string[] | undefined])[] = [
    [{ architecture: "resnet18", num_classes: 3, pretrained_cfg: TIMM }, undefined],
    [{ architecture: "resnet18", ...TIMM }, undefined],
    [{ architecture: "resnet18", ...TIMM, labels: NAMES }, NAMES],
    [{ architecture: "resnet18", pretrained_cfg: { ...TIMM, label_names: NAMES } }, NAMES],
    [{ architecture: "resnet18", label_names: NAMES, pretrained_cfg: { ...TIMM, label_names: ["x"] } }, NAMES],
    [{ label_names: { 2: "blue", 0: "red", 1: "green" }, pretrained_cfg: TIMM }, NAMES],
    [{ pretrained_cfg: TIMM, id2label: { 0: "red", 1: "green", 2: "blue" } }, NAMES],
  ];
  for (const [json, classNames] of cases) {
    assertEquals({ classNames: undefined, ...decode(json) }, { ...SAID, source, classNames });
  }
  const labels = { architectures: ["ResNetForImageClassification"], id2label: { 0: "red", 1: "green", 2: "blue" } };
  assertEquals(decode(labels).classNames, NAMES);
});

Deno.test("decodeHubConfig() finds nothing in a config.json of something else", () => {
  const others = [{}, [], 7, null, { mean: 0.5, interpolation: 3 }, { id2label: { 0: "LABEL_0", 1: "LABEL_1" } }, {
    pretrained_cfg: {},
  }, { pretrained_cfg: { crop_pct: null, interpolation: null, input_size: null } }];
  for (const json of others) assertEquals(decode(json), {});
});

Deno.test("decodeHubConfig() names file, key, what was found and expected where it cannot obey", () => {
  const cases: readonly (readonly [change: object, message: string])[] = [
    [{ input_size: [3, 224, 192] }, "input_size is [3,224,192], expected [3, N, N]"],
    [{ input_size: [1, 28, 28] }, "input_size is [1,28,28], expected [3, N, N]"],
    [{ input_size: [3, 1e9, 1e9] }, "input_size is 1000000000, expected a whole number from 1 to 4096"],
    [{ input_size: "224" }, 'input_size is "224"'],
    [{ interpolation: "lanczos" }, 'interpolation is "lanczos", expected "bilinear" or "bicubic"'],
    [{ crop_pct: 0 }, "crop_pct is 0, expected"],
    [{ crop_pct: "0.9" }, 'crop_pct is "0.9", expected'],
    [{ crop_mode: "squash" }, 'crop_mode is "squash", expected "center"'],
    [{ mean: [0.5] }, "mean is [0.5], expected three numbers"],
    [{ std: [58.4, 57.1, 57.4] }, "std is [58.4,57.1,57.4], expected"],
    [{ label_names: "red" }, 'label_names is "red", expected a list'],
    [{ label_names: { 0: "red", 2: "blue" } }, "label_names is {...}, expected a list"],
    [{ label_names: { 0: "red", __proto__: null, constructor: 1 } }, "label_names is {...}, expected a list"],
    [{ label_names: ["red", 7] }, "label_names is"],
  ];
  for (const [change, message] of cases) {
    const error = assertThrows(() => decode({ pretrained_cfg: { ...TIMM, ...change } }), CheckpointError, message);
    assert(error.message.startsWith("hf:me/net/config.json: "), error.message);
  }
  const damaged = { name: "hf:me/net/config.json", text: "{" };
  assertThrows(() => decodeHubConfig(damaged), CheckpointError, "hf:me/net/config.json: not JSON");
});

const MODEL = createModel({ arch: "resnet20", numClasses: 3 });
const encode = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));

async function weights(metadata: Record<string, string> = { format: "pt" }): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await safetensorsBlob(MODEL.stateDict(), metadata)).arrayBuffer());
}

/** How the model of a repository is used. */
async function ask(
  server: HubServer,
  source = "hf:me/net",
  { cacheDir, ...options }: HubOptions & { cacheDir?: string } = {},
): Promise<InferenceConfig> {
  const folder = cacheDir ?? await Deno.makeTempDir();
  try {
    const hub = { endpoint: server.endpoint, token: "", cacheDir: folder, retryDelay: 1, ...options };
    const checkpoint = await openCheckpoint(source, { hub });
    try {
      return await inferenceOf(checkpoint, findNetwork(checkpoint).config);
    } finally {
      checkpoint.close();
    }
  } finally {
    if (!cacheDir) await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a model of the hub is used as the config.json beside it says; one without is used as usual", async () => {
  const own = usualInference(MODEL.config);
  const config = encode({ architecture: "resnet20", label_names: NAMES, pretrained_cfg: TIMM });
  {
    using server = startHub({ "model.safetensors": await weights(), "config.json": config });
    const said = { ...SAID, resize: 235, classNames: NAMES, source: "hf:me/net/config.json" };
    assertEquals(await ask(server), overrideInference(own, said));
  }
  {
    using server = startHub({ "model.safetensors": await weights() });
    assertEquals(await ask(server), own);
  }
  {
    // Beside a file in a folder lies that folder's.
    using server = startHub({ "a/x.safetensors": await weights(), "config.json": config });
    assertEquals(await ask(server, "hf:me/net/a/x.safetensors"), own);
  }
  {
    // What was converted here says everything itself.
    const metadata = encodeMetadata(MODEL.config, { source: "x", sha256: "" }, MODEL.inference);
    using server = startHub({ "model.safetensors": await weights(metadata), "config.json": config });
    assertEquals(await ask(server), own);
    assert(!server.requests.some((line) => line.includes("config.json")));
  }
});

Deno.test("a config.json that is hostile or does not fit ends with its name, and is not downloaded where it is too long", async () => {
  const refused = async (config: Uint8Array<ArrayBuffer>, message: string) => {
    using server = startHub({ "model.safetensors": await weights(), "config.json": config });
    await assertRejects(() => ask(server), CheckpointError, `hf:me/net/config.json: ${message}`);
    return server.requests.filter((line) => line.startsWith("cdn") && line.includes("config.json")).length;
  };
  assertEquals(await refused(encode({ label_names: ["x"] }), "1 class names, expected 3"), 1);
  assertEquals(await refused(new TextEncoder().encode("{"), "not JSON"), 1);
  assertEquals(await refused(encode({ pretrained_cfg: { ...TIMM, crop_mode: "border" } }), "crop_mode is"), 1);
  assertEquals(await refused(new Uint8Array((16 << 20) + 1), "it has 16777217 bytes, expected at most 16777216"), 0);
  {
    using server = startHub({ "model.safetensors": await weights(), "config.json": new Uint8Array((16 << 20) + 1) });
    server.lie = (file) => file.path === "config.json" ? { ...file, size: undefined } : file;
    await assertRejects(() => ask(server), CheckpointError, "hf:me/net/config.json: it has 16777217 bytes");
  }
});

Deno.test("of a commit that is cached the hub is not asked again, whether it has a config.json or none", async () => {
  const without: Record<string, Uint8Array<ArrayBuffer>> = { "model.safetensors": await weights() };
  for (const files of [without, { ...without, "config.json": encode({ pretrained_cfg: TIMM }) }]) {
    using server = startHub(files, { revision: COMMIT });
    const cacheDir = await Deno.makeTempDir();
    try {
      const source = `hf:me/net@${COMMIT}/model.safetensors`;
      const first = await ask(server, source, { cacheDir });
      assertEquals(first.imageSize, "config.json" in files ? 224 : 32);
      server.requests.length = 0;
      assertEquals(await ask(server, source, { cacheDir }), first);
      assertEquals(server.requests, []);
    } finally {
      await Deno.remove(cacheDir, { recursive: true });
    }
  }
});
