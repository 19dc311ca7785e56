/**
 * The state of the machine that reads pickles, and the operations that its opcodes use: bytes, stack, memo, names and
 * calls.
 *
 * @module
 */

import { CheckpointError } from "../../errors.ts";
import { Opaque } from "./opaque.ts";
import { PickleGlobal } from "./global.ts";
import { allowance, COST } from "./memory.ts";
import type { PickleValue } from "./value.ts";

/** The names and references that a pickle may use. */
export interface PickleContext {
  /** The name of the pickle's source, for messages. */
  readonly source: string;
  /** The allowed globals by "module.name". Any other name is an error. */
  readonly globals: Pick<ReadonlyMap<string, PickleGlobal>, "get">;
  /** Resolves a persistent id. torch.save uses these ids to refer to the storages next to the pickle. */
  readonly persistent?: (id: PickleValue) => PickleValue;
}

const DECODER = new TextDecoder();

/** The pickle continues after the end of the given bytes. */
export class PickleEnd extends CheckpointError {}

/** Maximum depth of nested objects. Checkpoints need fewer than ten. */
const MAX_MARKS = 1000;
/** Maximum length of a global's name. One text in the memo can be in a million names, and each name is a new text. */
const MAX_NAME = 1000;

/** The machine: a stack, marks on it, and the memo of objects that are used more than once. */
export class PickleMachine {
  /** Values. The last one is the top. */
  readonly stack: PickleValue[] = [];
  /** Heights of the stack at the start of each list, dict or tuple under construction. */
  readonly marks: number[] = [];
  /** Objects that are used more than once. */
  readonly memo: Memo = new Memo();
  /** Offset of the next byte. */
  at = 0;
  readonly #view: DataView;

  /** Starts at the first byte. */
  constructor(
    /** The pickle. Other bytes may follow it. */
    readonly bytes: Uint8Array<ArrayBuffer>,
    /** The names and references that the pickle may use. */
    readonly context: PickleContext,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Returns an error at the last position that was read. */
  error(why: string): CheckpointError {
    return new CheckpointError(`${this.context.source}: its pickle is refused at byte ${this.at}: ${why}`);
  }

  /** Reads bytes and returns a view of them. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const start = this.#advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Reads a byte. */
  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }
  /** Reads two bytes as an unsigned integer. */
  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  /** Reads four bytes as a signed integer. */
  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }
  /** Reads four bytes as an unsigned integer. */
  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  /** Reads eight bytes as an unsigned integer. Above 2^53 it is inexact, but then it is larger than any pickle. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }
  /** Reads eight bytes as a big-endian float. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8));
  }
  /** Reads UTF-8 text of `length` bytes. */
  text(length: number): string {
    return DECODER.decode(this.take(length));
  }
  /** Reads text up to the end of the line. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.#ended();
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  /** Pushes a value onto the stack. */
  push(value: PickleValue): void {
    this.spend(COST.slot);
    this.stack.push(value);
  }
  /** Pops the value from the top of the stack. */
  pop(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.error("it takes more from its stack than there is");
    return this.stack.pop();
  }
  /** The value on top of the stack. */
  top(): PickleValue {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }
  /** Marks the height of the stack. */
  mark(): void {
    if (this.marks.length >= MAX_MARKS) throw this.error(`more than ${MAX_MARKS} objects lie inside each other`);
    this.marks.push(this.stack.length);
  }
  /** Pops everything above the last mark. */
  popToMark(): PickleValue[] {
    const height = this.marks.pop();
    if (height === undefined) throw this.error("a mark is missing");
    return this.stack.splice(height);
  }

  /** Finds a global in the caller's table. */
  global(module: string, name: string): PickleGlobal {
    if (module.length + name.length > MAX_NAME) throw this.error(`it names something in more than ${MAX_NAME} letters`);
    const path = `${module}.${name}`;
    const found = this.context.globals.get(path);
    if (found) return found;
    throw new CheckpointError(
      `${this.context.source}: it names ${
        path.slice(0, 120)
      }, a function that can run programs or change files where ` +
        `Python loads it. No checkpoint needs it: do not open the file elsewhere unless you trust whoever made it. ` +
        `Nothing of it was run here`,
    );
  }
  /** Calls a global. */
  call(callee: PickleValue, args: PickleValue): PickleValue {
    if (!Array.isArray(args)) throw this.error("a function is called without a tuple of arguments");
    // The call may copy its arguments, and a list in the memo can be passed a million times.
    this.spend(args.reduce((sum: number, arg) => sum + COST.entry * sizeOf(arg), COST.object));
    // A nested class, or the result of a method: as unknown as the object it belongs to.
    if (callee instanceof Opaque) return new Opaque(callee.name, args);
    if (!(callee instanceof PickleGlobal) || !callee.call) {
      throw this.error(`${callee instanceof PickleGlobal ? callee.name : "a plain value"} is called like a function`);
    }
    return callee.call(args);
  }
  /** Sets the state of an object. The state of known objects is not needed. */
  build(made: PickleValue, state: PickleValue): void {
    if (made instanceof Opaque) made.state = state;
  }

  /** Counts memory before it is allocated. Throws CheckpointError if the pickle is too short to justify it. */
  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent > allowance(this.at)) {
      throw this.error(
        `its objects take ${
          Math.round(this.#spent / 1e6)
        } MB of memory so far, more than a checkpoint's do. If you trust ` +
          'the file, load it in PyTorch and save the state dict alone: torch.save(model.state_dict(), "state_dict.pth")',
      );
    }
  }
  #spent = 0;
  #advance(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start) throw this.#ended();
    this.at += length;
    return start;
  }
  #ended(): PickleEnd {
    return new PickleEnd(`${this.context.source}: truncated or damaged: its pickle does not end`);
  }
}

/** Objects by number. Python numbers them from 0. Other numbers cost no extra memory. */
class Memo {
  readonly #dense: PickleValue[] = [];
  readonly #sparse = new Map<number, PickleValue>();

  get size(): number {
    return this.#dense.length + this.#sparse.size;
  }
  has(index: number): boolean {
    return index < this.#dense.length || this.#sparse.has(index);
  }
  get(index: number): PickleValue {
    return index < this.#dense.length ? this.#dense[index] : this.#sparse.get(index);
  }
  set(index: number, value: PickleValue): void {
    if (index < this.#dense.length) this.#dense[index] = value;
    else if (index === this.#dense.length && !this.#sparse.has(index)) this.#dense.push(value);
    else this.#sparse.set(index, value);
  }
}

function sizeOf(value: PickleValue): number {
  return Array.isArray(value) ? value.length : value instanceof Map ? value.size : 1;
}
