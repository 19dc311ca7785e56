/// <reference lib="dom" />

/** The page: two images, one network, and its attentions for both. */

import { type Backend, type DeviceName, encodeMetadata, isOdconvError, openDevice, safetensorsBlob } from "../mod.ts";
import { AttentionView } from "./attention_view.ts";
import { onSchemeChange } from "./colors.ts";
import { byId } from "./dom.ts";
import { type Answer, Network } from "./network.ts";
import { showProfile } from "./profile_view.ts";
import { EXAMPLES, Slot } from "./slot.ts";

const weights = byId<HTMLSelectElement>("weights");
const device = byId<HTMLSelectElement>("device");
const asked = new URLSearchParams(location.search).get("device");
if ([...device.options].some(({ value }) => value === asked)) device.value = asked!;
const temperature = byId<HTMLInputElement>("temperature");
const save = byId<HTMLButtonElement>("save");
const progress = byId<HTMLProgressElement>("progress");
const errorLine = byId("error");
const view = new AttentionView(byId("attention-view"));
const slots = ["A", "B"].map((title) => new Slot(title, { changed: refresh, failed: showError }));

let backend: Backend | undefined;
let network: Network | undefined;
/** The source of the network: a name from the list, or a file. */
let source: string | File = weights.value;
let notice = "";
let answers: (Answer | undefined)[] = [];

function showError(error: unknown): void {
  const known = isOdconvError(error) || error instanceof Error;
  errorLine.textContent = known ? (error as Error).message : String(error);
  errorLine.hidden = false;
}

function say(line: string): void {
  byId("status").textContent = line;
}

/** The slider is logarithmic: the temperature is 10 to the power of its value. */
function currentTemperature(): number {
  return 10 ** Number(temperature.value);
}

let loading: Promise<unknown> = Promise.resolve();

/** Loads networks one after the other, in the order of the requests. The last one stays. */
function inTurn(work: () => Promise<unknown>): void {
  loading = loading.then(work);
}

/**
 * Opens a device if none is open, and loads the weights. If that fails, the old network stays. Returns whether it
 * succeeded.
 */
async function load(next: string | File): Promise<boolean> {
  errorLine.hidden = true;
  progress.hidden = false;
  progress.removeAttribute("value");
  try {
    backend ??= await openBackend();
    const name = next instanceof File ? next.name : next;
    say(`Loading ${name}…`);
    const address = next instanceof File ? next : `weights/${next}.safetensors`;
    const loaded = await Network.load(address, backend, (done, total) => {
      if (total) progress.value = done / total;
    });
    network?.dispose();
    network = loaded;
    answers = [];
    source = next;
    save.hidden = !(next instanceof File) || next.name.endsWith(".safetensors");
    temperature.disabled = !loaded.layers.length;
    refresh(); // not awaited: with the camera on, it does not end
    return true;
  } catch (error) {
    showError(error);
    if (network) describe();
    else say("No network is loaded.");
    return false;
  } finally {
    progress.hidden = true;
    showSource();
  }
}

async function openBackend(): Promise<Backend> {
  say("Opening the device…");
  const backend = await openDevice(device.value as DeviceName);
  const fallback = device.value === "auto" && backend.name === "cpu";
  notice = fallback ? "This browser offers no fast WebGPU adapter, so the CPU does the work. " : "";
  return backend;
}

async function changeDevice(): Promise<void> {
  const old = backend;
  backend = undefined;
  if (await load(source)) return old?.dispose();
  (backend as Backend | undefined)?.dispose();
  backend = old;
  device.value = "auto";
}

/** The list names the opened file as long as it is in use. */
function showSource(): void {
  weights.querySelector("option[data-file]")?.remove();
  if (source instanceof File) {
    const option = new Option(source.name, source.name);
    option.dataset.file = "";
    weights.append(option);
  }
  weights.value = source instanceof File ? source.name : source;
}

let running = false;
let again = false;

/** Runs the network on every image. While it runs, one further request can wait. */
async function refresh(): Promise<void> {
  again = true;
  if (running) return;
  running = true;
  try {
    while (again) {
      again = false;
      errorLine.hidden = true;
      await ask();
    }
  } catch (error) {
    showError(error);
  } finally {
    running = false;
  }
}

async function ask(): Promise<void> {
  const asked = network;
  if (!asked) return;
  const live = slots.map((slot) => slot.next()).includes(true);
  const given: typeof answers = [];
  try {
    for (const [i, { picture }] of slots.entries()) {
      if (picture) given[i] = await asked.ask(picture.image, currentTemperature());
    }
  } catch (error) {
    if (asked === network) throw error; // otherwise it was disposed for another network, which runs next
  }
  if (asked !== network) return;
  answers = given;
  show();
  // A second run times every step. It does not run while the camera is on.
  if (!live && !again) await showTimes(asked);
  if (live) {
    again = true;
    await new Promise(requestAnimationFrame);
  }
}

function show(): void {
  if (!network) return;
  slots.forEach((slot, i) => {
    if (answers[i]) slot.show(network!.model.preprocessing, answers[i]);
  });
  const attentions = answers.flatMap((answer) => answer ? [answer.attentions] : []);
  if (attentions.length) view.show(network, attentions);
  describe();
}

function describe(): void {
  const { model, backend } = network!;
  const times = answers.flatMap((answer) => answer?.times.at(-1)?.milliseconds ?? []);
  const each = times.length ? `, ${Math.min(...times).toFixed(1)} ms an image` : "";
  const { arch, kernelNum } = model.config;
  const kernels = `${kernelNum} kernel${kernelNum === 1 ? "" : "s"} a layer`;
  const what = network!.layers.length ? `${arch}, ${kernels}` : arch;
  const notes = network!.notes.map((note) => `; ${note}`).join("");
  say(
    `${notice}${what} on ${backend.name === "webgpu" ? "WebGPU" : "the CPU"} (${backend.description})${each}${notes}`,
  );
}

async function showTimes(asked: Network): Promise<void> {
  const strips = [];
  for (const [i, { picture }] of slots.entries()) {
    const answer = answers[i];
    if (!picture || !answer) continue;
    const decode = { what: "decode", milliseconds: picture.decodeMilliseconds };
    strips.push({ title: `Image ${"AB"[i]}, all of it`, times: [decode, ...answer.times] });
  }
  const first = slots.find(({ picture }) => picture)?.picture;
  const stages = first && await asked.profile(first.image, currentTemperature());
  if (stages?.some(({ milliseconds }) => milliseconds > 0)) {
    strips.push({ title: "The network, by stage, on the device's own clock", times: stages });
  }
  showProfile(byId("profile"), strips);
}

/** Files go where they are dropped: images into a slot. Any other file is opened as a checkpoint. */
function acceptDrops(): void {
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const target = slots.find(({ root }) => root.contains(event.target as Node));
    for (const [i, file] of [...event.dataTransfer?.files ?? []].entries()) {
      if (!isImage(file)) inTurn(() => load(file));
      else (target && i === 0 ? target : slots[i % 2]).open(file, file.name);
    }
  });
}

function isImage({ type, name }: File): boolean {
  return type.startsWith("image/") || /\.(jpe?g|png|webp|gif|bmp)$/i.test(name);
}

async function saveConverted(): Promise<void> {
  try {
    const file = source as File;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const { config, inference } = network!.model;
    const metadata = encodeMetadata(config, { source: file.name, sha256: digest.toHex() }, inference);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await safetensorsBlob(network!.model.stateDict(), metadata));
    link.download = `${file.name.replace(/(\.(pth|pt|tar|bin))+$/, "")}.safetensors`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    showError(error);
  }
}

function showTemperature(): void {
  byId("temperature-value").textContent = currentTemperature().toPrecision(2);
}

byId("images").append(...slots.map(({ root }) => root));
weights.addEventListener("change", () => {
  const next = source instanceof File && weights.value === source.name ? source : weights.value;
  inTurn(() => load(next));
});
byId<HTMLInputElement>("checkpoint").addEventListener("change", ({ target }) => {
  const input = target as HTMLInputElement;
  const [file] = input.files ?? [];
  if (file) inTurn(() => load(file));
  input.value = ""; // so that the same file can be chosen again
});
device.addEventListener("change", () => inTurn(changeDevice));
temperature.addEventListener("input", () => {
  showTemperature();
  refresh();
});
save.addEventListener("click", saveConverted);
onSchemeChange(show);
acceptDrops();
showTemperature();
slots.forEach((slot, i) => slot.openExample(EXAMPLES[i]));
inTurn(() => load(source));
