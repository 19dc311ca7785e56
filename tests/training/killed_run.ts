/**
 * `killed_run.ts FOLDER MOMENT`: begins or goes on with the small run in FOLDER and kills its own process at a moment: the
 * MOMENTth time that it writes to a file, renames one or ends a step. Prints how many there were where it gets to the end.
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
