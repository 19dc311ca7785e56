/**
 * The HTML report of a model's results for images. The page is self-contained: it needs no network, no other file and
 * no script.
 *
 * @module
 */

import type { Model } from "../../src/models/model/model.ts";
import { darkStyle } from "../../src/plots/mod.ts";
import { printable } from "../support/printable.ts";
import { attentionSection } from "./attention_section.ts";
import { type Html, html } from "./html.ts";
import type { Observation } from "./observe.ts";
import { activationSection, answerSection, modelSection, type Shown, timeSection } from "./sections.ts";
import { STYLE } from "./style.ts";

/** The content of a report. */
export interface Subject {
  /** The model's name from the command line: "od_resnet20_cifar10". */
  readonly name: string;
  readonly model: Model;
  /** One or two images. */
  readonly shown: readonly Shown[];
  readonly observation: Observation;
  /** Names of the classes, if known. */
  readonly names: readonly string[] | undefined;
  /** The device that ran the model, for display. */
  readonly device: string;
}

/** Returns the report as HTML. Names of files and devices are escaped, whatever they contain. */
export async function report({ name, model, shown, observation, names, device }: Subject): Promise<string> {
  const { arch, kernelNum, reduction, numClasses } = model.config;
  const dynamic = observation.layers.length ? `, kernel_num ${kernelNum}, reduction ${reduction}` : "";
  const body = html`
    <header>
      <h1>${printable(name)}</h1>
      <p>${arch}${dynamic}, ${numClasses} classes; temperature ${model.temperature}; on ${printable(device)}</p>
    </header>
    <main>
    ${await answerSection(shown, observation.seen, names)}
    ${section("How the kernels adapt", await attentionSection(model, observation))}
    ${section("What the layers put out", await activationSection(observation.seen))}
    ${section("Where the time went", await timeSection(observation.times, printable(device)))}
    ${section("What it is made of", modelSection(model))}
    </main>
    <footer>
      <p>Written by <code>deno task inspect</code> of odconv. ODConv: Li, Zhou and Yao,
    <cite>Omni-Dimensional Dynamic Convolution</cite>, ICLR 2022.</p>
    </footer>
  `;
  const style = STYLE + darkStyle(body.text);
  // A second defence: even if hostile text gets through, no script runs, nothing is fetched, and no other style
  // applies.
  const policy = `default-src 'none'; img-src data:; style-src 'sha256-${await sha256(style)}'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${html`<title>${printable(name)}: a look inside</title>`.text}
<style>${style}</style>
</head>
<body>
${body.text}
</body>
</html>
`;
}

function section(title: string, content: Html): Html {
  return html`<section>
<h2>${title}</h2>
${content}
</section>`;
}

async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toBase64();
}
