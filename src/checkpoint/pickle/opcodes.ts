/**
 * The table of the pickle machine's opcodes: those that protocols 1 to 5 write for the data in checkpoints.
 *
 * @module
 */

import { excerpt } from "../../excerpt.ts";
import { Opaque } from "./opaque.ts";
import type { PickleMachine } from "./machine.ts";
import type { PickleValue } from "./value.ts";
import { COST } from "./memory.ts";

/** The action of an opcode. "STOP" ends the pickle. */
export type Opcode = ((machine: PickleMachine) => void) | "STOP";

/** Limits on the length of an integer, in bytes and in digits. Hashes and seeds are long integers. */
const MAX_LONG = 1024, MAX_DIGITS = 2500;

/** The name in pickletools, the code, and the action. */
const TABLE: readonly (readonly [name: string, code: number, opcode: Opcode])[] = [
  ["PROTO", 0x80, (m) => void m.take(1)],
  ["FRAME", 0x95, (m) => void m.take(8)],
  ["STOP", 0x2e, "STOP"],

  ["NONE", 0x4e, (m) => m.push(null)],
  ["NEWTRUE", 0x88, (m) => m.push(true)],
  ["NEWFALSE", 0x89, (m) => m.push(false)],
  ["BININT", 0x4a, (m) => m.push(m.int32())],
  ["BININT1", 0x4b, (m) => m.push(m.uint8())],
  ["BININT2", 0x4d, (m) => m.push(m.uint16())],
  // Protocol 1 writes integers as text, and the booleans as 00 and 01.
  ["INT", 0x49, (m) => m.push(decimal(m, m.line()))],
  ["LONG", 0x4c, (m) => m.push(decimal(m, m.line().replace(/L$/, "")))],
  ["LONG1", 0x8a, (m) => m.push(long(m, m.uint8()))],
  ["LONG4", 0x8b, (m) => m.push(long(m, m.uint32()))],
  ["BINFLOAT", 0x47, (m) => m.push(m.float64())],

  ["BINUNICODE", 0x58, (m) => m.push(m.text(m.uint32()))],
  ["SHORT_BINUNICODE", 0x8c, (m) => m.push(m.text(m.uint8()))],
  ["BINUNICODE8", 0x8d, (m) => m.push(m.text(m.uint64()))],
  // Python 2's str, used for names in its files.
  ["BINSTRING", 0x54, (m) => m.push(m.text(m.uint32()))],
  ["SHORT_BINSTRING", 0x55, (m) => m.push(m.text(m.uint8()))],
  ["BINBYTES", 0x42, (m) => blob(m, m.uint32())],
  ["SHORT_BINBYTES", 0x43, (m) => blob(m, m.uint8())],
  ["BINBYTES8", 0x8e, (m) => blob(m, m.uint64())],
  ["BYTEARRAY8", 0x96, (m) => blob(m, m.uint64())],

  ["MARK", 0x28, (m) => m.mark()],
  ["POP", 0x30, (m) => m.stack.length === m.marks.at(-1) ? void m.popToMark() : void m.pop()],
  ["POP_MARK", 0x31, (m) => void m.popToMark()],
  ["DUP", 0x32, (m) => m.push(m.top())],

  ["EMPTY_TUPLE", 0x29, (m) => list(m, [])],
  ["TUPLE", 0x74, (m) => list(m, m.popToMark())],
  ["TUPLE1", 0x85, (m) => list(m, popMany(m, 1))],
  ["TUPLE2", 0x86, (m) => list(m, popMany(m, 2))],
  ["TUPLE3", 0x87, (m) => list(m, popMany(m, 3))],
  ["EMPTY_LIST", 0x5d, (m) => list(m, [])],
  ["LIST", 0x6c, (m) => list(m, m.popToMark())],
  ["APPEND", 0x61, (m) => append(m, popMany(m, 1))],
  ["APPENDS", 0x65, (m) => append(m, m.popToMark())],
  ["EMPTY_DICT", 0x7d, (m) => dict(m)],
  ["DICT", 0x64, (m) => {
    const items = m.popToMark();
    dict(m);
    setItems(m, items);
  }],
  ["SETITEM", 0x73, (m) => setItems(m, popMany(m, 2))],
  ["SETITEMS", 0x75, (m) => setItems(m, m.popToMark())],
  ["EMPTY_SET", 0x8f, (m) => list(m, [])],
  ["ADDITEMS", 0x90, (m) => append(m, m.popToMark())],
  ["FROZENSET", 0x91, (m) => list(m, m.popToMark())],

  ["BINPUT", 0x71, (m) => put(m, m.uint8())],
  ["LONG_BINPUT", 0x72, (m) => put(m, m.uint32())],
  ["MEMOIZE", 0x94, (m) => put(m, m.memo.size)],
  ["BINGET", 0x68, (m) => get(m, m.uint8())],
  ["LONG_BINGET", 0x6a, (m) => get(m, m.uint32())],

  ["GLOBAL", 0x63, (m) => global(m, m.line(), m.line())],
  ["STACK_GLOBAL", 0x93, (m) => {
    const [module, name] = popMany(m, 2);
    if (typeof module !== "string" || typeof name !== "string") throw m.error("it names something that has no name");
    global(m, module, name);
  }],
  ["REDUCE", 0x52, call],
  ["NEWOBJ", 0x81, call],
  ["NEWOBJ_EX", 0x92, (m) => {
    // Keyword arguments.
    m.pop();
    call(m);
  }],
  ["BUILD", 0x62, (m) => {
    const state = m.pop();
    m.build(m.top(), state);
  }],
  ["BINPERSID", 0x51, (m) => {
    const id = m.pop();
    if (!m.context.persistent) throw m.error("it refers to something beside it, and there is nothing");
    m.spend(2 * COST.object);
    m.push(m.context.persistent(id));
  }],
];

/** The opcodes by code. */
export const OPCODES: ReadonlyMap<number, Opcode> = new Map(TABLE.map(([, code, opcode]) => [code, opcode]));

function popMany(m: PickleMachine, count: number): PickleValue[] {
  return Array.from({ length: count }, () => m.pop()).reverse();
}

function call(m: PickleMachine): void {
  const [callee, args] = popMany(m, 2);
  m.push(m.call(callee, args));
}

function list(m: PickleMachine, items: PickleValue[]): void {
  m.spend(COST.list);
  m.push(items);
}

function blob(m: PickleMachine, length: number): void {
  m.spend(COST.object);
  m.push(m.take(length));
}

function dict(m: PickleMachine): void {
  m.spend(COST.dict);
  m.push(new Map());
}

function global(m: PickleMachine, module: string, name: string): void {
  m.spend(COST.object);
  m.push(m.global(module, name));
}

function append(m: PickleMachine, items: readonly PickleValue[]): void {
  const top = m.top();
  const list = top instanceof Opaque ? top.list ??= [] : top;
  if (!Array.isArray(list)) throw m.error("items are appended to something that is not a list");
  for (const item of items) list.push(item);
}

function setItems(m: PickleMachine, items: readonly PickleValue[]): void {
  const top = m.top();
  const dict = top instanceof Opaque ? top.items ??= new Map() : top;
  if (!(dict instanceof Map)) throw m.error("items are set in something that is not a dict");
  if (items.length % 2) throw m.error("a dict's key is without a value");
  m.spend(COST.entry * items.length / 2);
  for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
}

function put(m: PickleMachine, index: number): void {
  m.spend(COST.entry);
  m.memo.set(index, m.top());
}

function get(m: PickleMachine, index: number): void {
  if (!m.memo.has(index)) throw m.error(`it uses object ${index} before it is there`);
  m.push(m.memo.get(index));
}

/** Reads a two's-complement little-endian integer: a number if it is exact, else a bigint. */
function long(m: PickleMachine, length: number): number | bigint {
  if (length > MAX_LONG) throw m.error(`it holds a whole number of ${length} bytes`);
  if (length === 0) return 0;
  const value = BigInt(`0x${m.take(length).toReversed().toHex()}`);
  return exact(BigInt.asIntN(8 * length, value));
}

/** Like {@link long}, for decimal digits. Protocol 1's booleans have two digits. */
function decimal(m: PickleMachine, digits: string): number | bigint | boolean {
  if (digits === "00" || digits === "01") return digits === "01";
  if (digits.length > MAX_DIGITS || !/^-?\d+$/.test(digits)) {
    throw m.error(`it holds the whole number ${excerpt(digits)}`);
  }
  return exact(BigInt(digits));
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
