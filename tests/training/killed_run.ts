/**
 * `killed_run.ts FOLDER MOMENT`: starts or resumes the small run in FOLDER and kills its own process at the MOMENTth
 * event. An event is a write to a file, a rename or the end of a step. If the run ends first, prints the number of
 * events.
 */

import { openDevice } from "../../src/devices.ts";
import { smallRun } from "./small_run.ts";

const [folder, moment] = Deno.args;
let moments = 0;

function count(): void {
  if (++moments === Number(moment)) Deno.kill(Deno.pid, "SIGKILL");
}

const { rename } = Deno;
Deno.rename = async (from, to) => {
  count();
  await rename(from, to);
};
const { write } = Deno.FsFile.prototype;
Deno.FsFile.prototype.write = async function (bytes) {
  // A part of it, so that the file is cut off in the middle.
  const part = bytes.length > 1 ? bytes.subarray(0, (bytes.length >> 1) + 1) : bytes;
  const done = await write.call(this, part);
  count();
  return done;
};

const resume = await Deno.stat(`${folder}/last.state.safetensors`).then(() => true, () => false);
const device = await openDevice("cpu");
const { finished } = await smallRun(folder, { resume, device, onStep: count });
device.dispose();
console.log(JSON.stringify({ finished, moments }));
