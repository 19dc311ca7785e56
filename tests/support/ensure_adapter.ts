/**
 * Runs before the tests. They need a WebGPU adapter; they do not pass by skipping. If there is no adapter and the
 * machine is a Debian with root, this installs Mesa's software Vulkan driver. Otherwise it says what to install and
 * fails.
 */

import { aptGetInstall, mayInstall } from "./apt_get.ts";

const PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];
const ADVICE = `the tests need a WebGPU adapter and found none. Install a Vulkan driver:
  Debian, Ubuntu    sudo apt-get install ${PACKAGES.join(" ")}
  Fedora            sudo dnf install mesa-vulkan-drivers vulkan-loader
  Arch              sudo pacman -S vulkan-swrast vulkan-icd-loader
  macOS, Windows    nothing: the system's own driver counts; is there a GPU?`;

/** Asks in a new process: a process that found no driver does not look again. */
async function hasAdapter(): Promise<boolean> {
  const code = "Deno.exit(await navigator.gpu.requestAdapter() ? 0 : 1)";
  return (await new Deno.Command(Deno.execPath(), { args: ["eval", code], stderr: "null" }).output()).success;
}

if (!await hasAdapter()) {
  if (mayInstall()) {
    console.error(`no WebGPU adapter: installing Mesa's software Vulkan driver (${PACKAGES.join(", ")})`);
    await aptGetInstall(...PACKAGES);
  }
  if (!await hasAdapter()) {
    console.error(`error: ${ADVICE}`);
    Deno.exit(1);
  }
}
