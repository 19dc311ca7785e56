/** One of the two places for an image. The image is dropped, chosen, taken from the examples or seen by the camera. */

import type { Preprocessing, RgbImage } from "../mod.ts";
import { element } from "./dom.ts";
import type { Answer } from "./network.ts";
import { Camera, drawSeen, type Picture, readPicture } from "./picture.ts";

/** Images that ship with the page. */
export const EXAMPLES = ["ship", "airplane", "truck", "frog"] as const;

/** Events that a slot reports to the page. */
export interface SlotEvents {
  /** Called when there is a new image. */
  readonly changed: () => void;
  /** Called with an error that the user should see. */
  readonly failed: (error: unknown) => void;
}

/** An image with its predictions. */
export class Slot {
  /** The element for the page. */
  readonly root: HTMLElement;
  /** The image, once there is one. */
  picture: Picture | undefined;
  readonly #canvas = element("canvas", { class: "seen", role: "img" });
  readonly #name = element("figcaption", {});
  readonly #guesses = element("ol", { class: "guesses" });
  readonly #cameraButton = element("button", { class: "button", click: () => this.#toggleCamera() }, "Camera");
  readonly #events: SlotEvents;
  #camera: Camera | undefined;
  #turn = 0;

  constructor(title: string, events: SlotEvents) {
    this.#events = events;
    const file = element("input", {
      type: "file",
      accept: "image/jpeg,image/png,image/webp,image/gif,image/bmp",
      class: "hidden",
    });
    file.addEventListener("change", () => {
      if (file.files?.[0]) this.open(file.files[0], file.files[0].name);
      file.value = ""; // so that the same file can be chosen again
    });
    const examples = EXAMPLES.map((name) =>
      element(
        "button",
        { class: "example", click: () => this.openExample(name), "aria-label": `Example: ${name}` },
        element("img", { src: `examples/${name}.png`, alt: "", width: 32, height: 32 }),
      )
    );
    this.root = element(
      "section",
      { class: "slot panel", "aria-label": `Image ${title}` },
      element("h2", {}, title),
      element("div", { class: "two" }, element("figure", { class: "drop" }, this.#canvas, this.#name), this.#guesses),
      element(
        "div",
        { class: "actions" },
        element("label", { class: "button" }, "Choose or drop an image", file),
        this.#cameraButton,
        element("span", { class: "examples" }, ...examples),
      ),
    );
    this.#acceptDrops();
  }

  /** Opens an image file. */
  async open(file: Blob, name: string): Promise<void> {
    await this.#take(() => readPicture(file, name));
  }

  /** Opens an image that ships with the page. */
  async openExample(name: typeof EXAMPLES[number]): Promise<void> {
    await this.#take(async () => {
      const response = await fetch(`examples/${name}.png`);
      if (!response.ok) throw new Error(`the example ${name} did not load (${response.status})`);
      return await readPicture(await response.blob(), `${name}.png`);
    });
  }

  /** Shows the result of `read`, unless another image was requested meanwhile. */
  async #take(read: () => Promise<Picture>): Promise<void> {
    this.#stopCamera();
    const turn = ++this.#turn;
    try {
      const picture = await read();
      if (turn !== this.#turn) return;
      this.picture = picture;
      this.#events.changed();
    } catch (error) {
      if (turn === this.#turn) this.#events.failed(error);
    }
  }

  /** Shows the network's view of the image and its predictions. */
  show(preprocessing: Preprocessing, { top5 }: Answer): void {
    const { name, image } = this.picture!;
    drawSeen(this.#canvas, image, preprocessing);
    this.#canvas.setAttribute("aria-label", `${name} as the network sees it`);
    this.#name.textContent = `${name}, ${size(image)}`;
    this.#guesses.replaceChildren(...top5.map((guess) =>
      element(
        "li",
        { "data-class": guess.class, "data-logit": guess.logit },
        element("span", { class: "guess" }, guess.name),
        element("b", {}, `${(100 * guess.probability).toFixed(1)} %`),
        element(
          "span",
          { class: "bar", "aria-hidden": "true" },
          element("span", { style: `width: ${100 * guess.probability}%` }),
        ),
      )
    ));
  }

  /** Takes the next picture if the camera is on; returns whether it is on. */
  next(): boolean {
    if (this.#camera) this.picture = this.#camera.shoot();
    return this.#camera !== undefined;
  }

  async #toggleCamera(): Promise<void> {
    if (this.#camera) return this.#stopCamera();
    this.#turn++;
    this.#cameraButton.disabled = true; // while the browser asks for permission
    try {
      this.#camera = await Camera.open();
      this.#cameraButton.textContent = "Hold still";
      this.next();
      this.#events.changed();
    } catch (error) {
      this.#events.failed(new Error(`no camera: ${(error as Error).message}`));
    } finally {
      this.#cameraButton.disabled = false;
    }
  }

  #stopCamera(): void {
    this.#camera?.close();
    this.#camera = undefined;
    this.#cameraButton.textContent = "Camera";
  }

  #acceptDrops(): void {
    const mark = (on: boolean) => this.root.classList.toggle("over", on);
    this.root.addEventListener("dragover", (event) => {
      event.preventDefault();
      mark(true);
    });
    this.root.addEventListener("dragleave", () => mark(false));
    this.root.addEventListener("drop", () => mark(false));
  }
}

function size({ width, height }: RgbImage): string {
  return `${width} × ${height}`;
}
