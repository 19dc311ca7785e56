/**
 * Writes WebAssembly modules, with only the instructions that the kernels in this folder need. Code is a nested list of
 * instruction bytes. An expression is code that leaves one value on the stack.
 *
 * @module
 */

/** Instructions. They are flattened when the module is written. */
export type Code = readonly (number | Code)[];

/** Value types and their codes. */
const TYPES = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

/** A value type. */
export type Type = keyof typeof TYPES;

/** A parameter or a variable of a function. */
export interface Local {
  readonly index: number;
  readonly type: Type;
}

/** An operand of an instruction: a local variable (its value is read), a number (an i32 constant), or code. */
export type Operand = Local | number | Code;

/** Encodes an unsigned integer as LEB128, as WebAssembly requires. */
function unsigned(value: number): number[] {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push(value & 127 | 128);
  return [...bytes, value];
}

/** Encodes a signed integer as LEB128. */
function signed(value: number): number[] {
  const bytes = [];
  for (; value < -64 || value > 63; value >>= 7) bytes.push(value & 127 | 128);
  return [...bytes, value & 127];
}

const value = (x: Operand): Code =>
  typeof x === "number" ? [0x41, ...signed(x)] : "index" in x ? [0x20, ...unsigned((x as Local).index)] : x as Code;

const plain = (opcode: number) => (...operands: Operand[]): Code => [...operands.map(value), opcode];
const simd = (opcode: number, ...immediates: number[]) => (...operands: Operand[]): Code => [
  ...operands.map(value),
  0xfd,
  ...unsigned(opcode),
  ...immediates,
];

/** Instructions, with their names in WebAssembly's text format. */
export const i32 = {
  add: plain(0x6a),
  sub: plain(0x6b),
  mul: plain(0x6c),
  lessThan: plain(0x48), // i32.lt_s
  and: plain(0x71),
  shiftRight: plain(0x76), // i32.shr_u
  /** Loads the integer at an address. */
  load: (address: Operand, offset = 0): Code => [value(address), 0x28, 2, ...unsigned(offset)],
} as const;

/** Instructions on vectors of four float32. */
export const f32x4 = {
  splat: simd(0x13),
  add: simd(0xe4),
  mul: simd(0xe6),
  /**
   * The first operand, unless the second is less (pmax: greater). One instruction; it keeps a NaN in the first operand.
   */
  pmin: simd(0xea),
  pmax: simd(0xeb),
  /** a b + c, rounded once or twice, depending on the machine: relaxed SIMD. */
  relaxedMadd: simd(0x105),
} as const;

/** i8x16.shuffle: selects bytes of two vectors by their index among all 32. */
const shuffle = (first: number, second: number) =>
  simd(0x0d, ...[first, second].flatMap((from) => Array.from({ length: 8 }, (_, i) => from + i)));

/** Instructions on vectors of two float64. */
export const f64x2 = {
  splat: simd(0x14),
  add: simd(0xf0),
  mul: simd(0xf2),
  /** Converts the first two of four float32, or the last two. */
  promoteLow: simd(0x5f),
  promoteHigh: (x: Local): Code => f64x2.promoteLow(shuffle(8, 8)(x, x)),
  /** Converts two vectors of two float64 into four float32. */
  demote: (low: Operand, high: Operand): Code => shuffle(0, 16)(simd(0x5e)(low), simd(0x5e)(high)),
} as const;

/** Instructions on vectors of sixteen bytes. */
export const v128 = {
  zero: simd(0x0c, ...Array(16).fill(0))(),
  load: (address: Operand, offset = 0): Code => simd(0x00, 4, ...unsigned(offset))(address),
  /** Loads the number at an address into all four lanes. */
  loadSplat: (address: Operand, offset = 0): Code => simd(0x09, 2, ...unsigned(offset))(address),
  store: (address: Operand, x: Operand, offset = 0): Code => simd(0x0b, 4, ...unsigned(offset))(address, x),
} as const;

/** `x` if the condition is not 0, else `y`. */
export const select = (x: Operand, y: Operand, condition: Operand): Code => plain(0x1b)(x, y, condition);

/** local = x */
export const set = (local: Local, x: Operand): Code => [value(x), 0x21, ...unsigned(local.index)];

/** local += x */
export const increase = (local: Local, x: Operand): Code => set(local, i32.add(local, x));

/** Runs the body if the condition is not 0. */
export const when = (condition: Operand, body: Code): Code => [value(condition), 0x04, 0x40, body, 0x0b];

/** Runs the body `count` times. The local is 0 afterwards. */
export const repeat = (count: Local, body: Code): Code => {
  return when(count, [0x03, 0x40, body, set(count, i32.sub(count, 1)), value(count), 0x0d, 0, 0x0b]); // loop, br_if
};

/** Parameter types by name, in order. */
export type Parameters = Readonly<Record<string, Type>>;

/** A function without a result. */
export interface WasmFunction<P extends Parameters> {
  readonly name: string;
  readonly parameters: P;
  /** Types of all locals, the parameters first. */
  readonly locals: readonly Type[];
  readonly code: Code;
}

/** Writes a function. `write` receives the parameters and a function that makes variables. */
export function wasmFunction<P extends Parameters>(
  name: string,
  parameters: P,
  write: (
    parameters: { readonly [K in keyof P]: Local },
    variables: (type: Type, count: number) => Local[],
  ) => Code,
): WasmFunction<P> {
  const locals: Type[] = [];
  const local = (type: Type): Local => ({ index: locals.push(type) - 1, type });
  const named = Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, local(type)]));
  const code = write(
    named as { [K in keyof P]: Local },
    (type, count) => Array.from({ length: count }, () => local(type)),
  );
  return { name, parameters, locals, code };
}

/** Returns a function that calls a function of an instance with its parameters by name. */
export function caller<P extends Parameters>(
  { exports }: WebAssembly.Instance,
  { name, parameters }: WasmFunction<P>,
): (args: { readonly [K in keyof P]: number }) => void {
  const call = exports[name] as (...numbers: number[]) => void;
  const order = Object.keys(parameters);
  return (args) => call(...order.map((key) => args[key]));
}

/** Writes a module with these functions, exported by name. It imports its memory as "odconv" "memory". */
export function writeModule(functions: readonly WasmFunction<Parameters>[]): Uint8Array<ArrayBuffer> {
  const types = (all: readonly Type[]) => all.map((type) => [TYPES[type]]);
  const index = (_: unknown, i: number) => unsigned(i);
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, functions.map(({ parameters }) => [0x60, ...list(types(Object.values(parameters))), 0])),
    ...section(2, [[...text("odconv"), ...text("memory"), 2, 0, 0]]), // a memory of at least 0 pages
    ...section(3, functions.map(index)),
    ...section(7, functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)])),
    ...section(
      10,
      functions.map(({ parameters, locals, code }) => {
        const variables = types(locals.slice(Object.keys(parameters).length)).map((type) => [1, ...type]);
        return sized([...list(variables), ...flat(code), 0x0b]);
      }),
    ),
  ]);
}

const sized = (bytes: number[]): number[] => [...unsigned(bytes.length), ...bytes];
const list = (items: number[][]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, items: number[][]): number[] => [id, ...sized(list(items))];
const text = (name: string): number[] => sized([...new TextEncoder().encode(name)]);

function flat(code: Code): number[] {
  return code.flatMap((part) => typeof part === "number" ? [part] : flat(part));
}
