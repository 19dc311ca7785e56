/**
 * Runs before the browser tests. They do not pass by skipping. If there is no Chromium and the machine is a Debian with
 * root, this installs it. Otherwise it says what to install and fails.
 */

import { aptGetInstall, mayInstall } from "../support/apt_get.ts";
import { findChromium } from "./find_chromium.ts";

try {
  await findChromium();
} catch {
  if (mayInstall()) {
    console.error("no Chromium: installing Debian's");
    await aptGetInstall("chromium");
  }
  await findChromium().catch((error: Error) => {
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  });
}
