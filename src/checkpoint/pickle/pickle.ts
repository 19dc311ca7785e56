/**
 * Reads pickles (Python's object format) as inert data. Dicts become Maps; lists and tuples become arrays. A pickle is
 * a program for a stack machine that may call any Python function by name. This machine knows only the names in its
 * caller's table, which makes a plain value or a stand-in (Opaque) of each. Nothing is imported, and no code of the
 * file is run.
 *
 * Opcodes: pickletools in Python's standard library. Protocols 1 to 5 (torch.save writes 2).
 *
 * @module
 */

import { type PickleContext, PickleMachine } from "./machine.ts";
import { OPCODES } from "./opcodes.ts";
import type { PickleValue } from "./value.ts";

/** Reads one pickle from the start of the bytes. Throws CheckpointError, or PickleEnd if bytes are missing. */
export function readPickle(
  bytes: Uint8Array<ArrayBuffer>,
  context: PickleContext,
): { value: PickleValue; length: number } {
  const machine = new PickleMachine(bytes, context);
  const value = run(machine);
  return { value, length: machine.at };
}

/** Runs to the STOP opcode and returns the value on the stack. */
function run(machine: PickleMachine): PickleValue {
  for (;;) {
    const code = machine.uint8();
    const opcode = OPCODES.get(code);
    if (!opcode) {
      throw machine.error(`opcode 0x${code.toString(16).padStart(2, "0")} is not one that torch.save writes`);
    }
    if (opcode === "STOP") return machine.pop();
    opcode(machine);
  }
}
