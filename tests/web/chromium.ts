/** A real browser for the tests: headless Chromium, with its software WebGPU adapter or without an adapter. */

// The driver is named in this file only.
// deno-lint-ignore-file no-import-prefix
import { assert } from "@std/assert";
import type { Page } from "npm:playwright-core@1.65.1";
import { serveFiles } from "../../tools/support/serve_files.ts";
import { findChromium } from "./find_chromium.ts";

export type { Page };

// A package in it looks below /proc whether this is Windows' Linux, for which Deno wants all permissions at once; its own
// tests have a switch that stops it.
Deno.env.set("__IS_WSL_TEST__", "1");
const { chromium } = await import("npm:playwright-core@1.65.1");

/** How a page is opened. */
export interface PageOptions {
  /** Whether there is a WebGPU adapter; there is, if left out. */
  readonly webgpu?: boolean;
  readonly colorScheme?: "light" | "dark";
  readonly size?: { readonly width: number; readonly height: number };
  /** What the page may complain of. */
  readonly expected?: RegExp;
}

const COMMON = [
  "--no-sandbox", // which does not work as root
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Milliseconds that a page may take for one thing: slow machines compile kernels for many seconds. */
const PATIENCE = 120_000;

/**
 * Serves `folder`, opens `path` of it, and closes both when `use` is done. Fails where the page throws, logs an error,
 * or asks anybody but its own server.
 */
export async function withPage(
  folder: string,
  path: string,
  options: PageOptions,
  use: (page: Page, origin: string) => Promise<void>,
): Promise<void> {
  const { webgpu = true, colorScheme = "light", size = { width: 1200, height: 900 } } = options;
  const server = serveFiles(folder, 0);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const browser = await chromium.launch({
    executablePath: await findChromium(),
    args: [...COMMON, ...webgpu ? WEBGPU : []],
  });
  try {
    const context = await browser.newContext({ colorScheme, viewport: size, acceptDownloads: true });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(`${origin}/`)) {
        complaints.push(`foreign request: ${request.url()}`);
      }
    });
    await page.goto(`${origin}/${path}`);
    await use(page, origin);
    const unexpected = complaints.filter((text) => !options.expected?.test(text));
    assert(unexpected.length === 0, unexpected.join("\n"));
  } finally {
    await browser.close();
    await server.shutdown();
  }
}
