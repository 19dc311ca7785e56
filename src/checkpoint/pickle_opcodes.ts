/**
 * The opcodes of the pickle machine as a table: those that protocols 2 to 5 write for the data in checkpoints.
 *
 * @module
 */

import type { PickleMachine, PickleValue } from "./pickle.ts";

/** What an opcode does; "STOP" ends the pickle. */
export type Opcode = ((machine: PickleMachine) => void) | "STOP";

/** Longest whole number that is read: 128 bits. */
const MAX_LONG = 16;

/** Name in pickletools, code, what it does. */
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
  ["LONG1", 0x8a, (m) => m.push(long(m, m.uint8()))],
  ["LONG4", 0x8b, (m) => m.push(long(m, m.uint32()))],
  ["BINFLOAT", 0x47, (m) => m.push(m.float64())],

  ["BINUNICODE", 0x58, (m) => m.push(m.text(m.uint32()))],
  ["SHORT_BINUNICODE", 0x8c, (m) => m.push(m.text(m.uint8()))],
  ["BINUNICODE8", 0x8d, (m) => m.push(m.text(m.uint64()))],
  // Python 2's str: names in files that it wrote.
  ["BINSTRING", 0x54, (m) => m.push(m.text(m.uint32()))],
  ["SHORT_BINSTRING", 0x55, (m) => m.push(m.text(m.uint8()))],
  ["BINBYTES", 0x42, (m) => m.push(m.take(m.uint32()))],
  ["SHORT_BINBYTES", 0x43, (m) => m.push(m.take(m.uint8()))],
  ["BINBYTES8", 0x8e, (m) => m.push(m.take(m.uint64()))],
  ["BYTEARRAY8", 0x96, (m) => m.push(m.take(m.uint64()))],

  ["MARK", 0x28, (m) => m.mark()],
  ["POP", 0x30, (m) => m.stack.length === m.marks.at(-1) ? void m.popToMark() : void m.pop()],
  ["POP_MARK", 0x31, (m) => void m.popToMark()],
  ["DUP", 0x32, (m) => m.push(m.top())],

  ["EMPTY_TUPLE", 0x29, (m) => m.push([])],
  ["TUPLE", 0x74, (m) => m.push(m.popToMark())],
  ["TUPLE1", 0x85, (m) => m.push(popMany(m, 1))],
  ["TUPLE2", 0x86, (m) => m.push(popMany(m, 2))],
  ["TUPLE3", 0x87, (m) => m.push(popMany(m, 3))],
  ["EMPTY_LIST", 0x5d, (m) => m.push([])],
  ["LIST", 0x6c, (m) => m.push(m.popToMark())],
  ["APPEND", 0x61, (m) => append(m, popMany(m, 1))],
  ["APPENDS", 0x65, (m) => append(m, m.popToMark())],
  ["EMPTY_DICT", 0x7d, (m) => m.push(new Map())],
  ["DICT", 0x64, (m) => {
    const items = m.popToMark();
    m.push(new Map());
    setItems(m, items);
  }],
  ["SETITEM", 0x73, (m) => setItems(m, popMany(m, 2))],
  ["SETITEMS", 0x75, (m) => setItems(m, m.popToMark())],
  ["EMPTY_SET", 0x8f, (m) => m.push([])],
  ["ADDITEMS", 0x90, (m) => append(m, m.popToMark())],
  ["FROZENSET", 0x91, (m) => m.push(m.popToMark())],

  ["BINPUT", 0x71, (m) => void m.memo.set(m.uint8(), m.top())],
  ["LONG_BINPUT", 0x72, (m) => void m.memo.set(m.uint32(), m.top())],
  ["MEMOIZE", 0x94, (m) => void m.memo.set(m.memo.size, m.top())],
  ["BINGET", 0x68, (m) => get(m, m.uint8())],
  ["LONG_BINGET", 0x6a, (m) => get(m, m.uint32())],

  ["GLOBAL", 0x63, (m) => m.push(m.global(m.line(), m.line()))],
  ["STACK_GLOBAL", 0x93, (m) => {
    const [module, name] = popMany(m, 2);
    if (typeof module !== "string" || typeof name !== "string") throw m.error("it names something that has no name");
    m.push(m.global(module, name));
  }],
  ["REDUCE", 0x52, call],
  ["NEWOBJ", 0x81, call],
  ["BUILD", 0x62, (m) => {
    const state = m.pop();
    m.build(m.top(), state);
  }],
  ["BINPERSID", 0x51, (m) => {
    const id = m.pop();
    if (!m.context.persistent) throw m.error("it refers to something beside it, and there is nothing");
    m.push(m.context.persistent(id));
  }],
];

/** The opcodes by their code. */
export const OPCODES: ReadonlyMap<number, Opcode> = new Map(TABLE.map(([, code, opcode]) => [code, opcode]));

function popMany(m: PickleMachine, count: number): PickleValue[] {
  return Array.from({ length: count }, () => m.pop()).reverse();
}

function call(m: PickleMachine): void {
  const [callee, args] = popMany(m, 2);
  m.push(m.call(callee, args));
}

function append(m: PickleMachine, items: readonly PickleValue[]): void {
  const list = m.top();
  if (!Array.isArray(list)) throw m.error("items are appended to something that is not a list");
  for (const item of items) list.push(item);
}

function setItems(m: PickleMachine, items: readonly PickleValue[]): void {
  const dict = m.top();
  if (!(dict instanceof Map)) throw m.error("items are set in something that is not a dict");
  if (items.length % 2) throw m.error("a dict's key is without a value");
  for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
}

function get(m: PickleMachine, index: number): void {
  if (!m.memo.has(index)) throw m.error(`it uses object ${index} before it is there`);
  m.push(m.memo.get(index));
}

/** A two's-complement little-endian whole number: a number where it is exact, else a bigint. */
function long(m: PickleMachine, length: number): number | bigint {
  if (length > MAX_LONG) throw m.error(`it holds a whole number of ${length} bytes`);
  const bytes = m.take(length);
  let value = 0n;
  for (let i = length - 1; i >= 0; i--) value = value << 8n | BigInt(bytes[i]);
  value = BigInt.asIntN(8 * length, value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
