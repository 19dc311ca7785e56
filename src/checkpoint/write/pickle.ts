/**
 * Writes pickles of protocol 2 as torch.save does. It uses only opcodes that `torch.load(weights_only=True)` accepts.
 * Opcodes: pickletools in Python's standard library. Objects are not memoised, because checkpoints repeat only short
 * names.
 *
 * @module
 */

/**
 * Values that become Python's None, bool, int or float, str, list, dict, tuple and OrderedDict. T is the type of other
 * values.
 */
export type Picklable<T extends object> =
  | null
  | boolean
  | number
  | string
  | readonly Picklable<T>[]
  | ReadonlyMap<string | number, Picklable<T>>
  | Tuple<T>
  | T;

/** A Python tuple. An array becomes a list. */
export class Tuple<T extends object = never> {
  /** Makes a tuple of these items. */
  constructor(
    /** Its items. */
    readonly items: readonly Picklable<T>[],
  ) {}
}

/** A `collections.OrderedDict`. Any other Map becomes a dict. */
export class OrderedDict<T extends object = never> extends Map<string | number, Picklable<T>> {}

const OPCODES = {
  PROTO: 0x80,
  STOP: 0x2e,
  NONE: 0x4e,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  BININT: 0x4a,
  BININT1: 0x4b,
  BININT2: 0x4d,
  LONG1: 0x8a,
  BINFLOAT: 0x47,
  BINUNICODE: 0x58,
  MARK: 0x28,
  TUPLE: 0x74,
  EMPTY_TUPLE: 0x29,
  EMPTY_LIST: 0x5d,
  APPENDS: 0x65,
  EMPTY_DICT: 0x7d,
  SETITEMS: 0x75,
  GLOBAL: 0x63,
  REDUCE: 0x52,
  BINPERSID: 0x51,
} as const;

/** Writes one pickle. */
export class PickleWriter<T extends object = never> {
  readonly #bytes: number[] = [OPCODES.PROTO, 2];
  readonly #writeOther: (writer: PickleWriter<T>, value: T) => void;

  /** `writeOther` writes values that are not plain data. */
  constructor(writeOther: (writer: PickleWriter<T>, value: T) => void) {
    this.#writeOther = writeOther;
  }

  /** Ends the pickle and returns it. */
  finish(): Uint8Array<ArrayBuffer> {
    this.opcode("STOP");
    return new Uint8Array(this.#bytes);
  }

  /** Writes an opcode that has no argument, or whose argument is written next. */
  opcode(name: keyof typeof OPCODES): void {
    this.#bytes.push(OPCODES[name]);
  }

  /** Writes the name of a function or class. */
  global(module: string, name: string): void {
    this.opcode("GLOBAL");
    this.#push(new TextEncoder().encode(`${module}\n${name}\n`));
  }

  /** Writes a value. A number without a fraction becomes an int, any other number a float. */
  value(value: Picklable<T>): void {
    if (value === null) this.opcode("NONE");
    else if (typeof value === "boolean") this.opcode(value ? "NEWTRUE" : "NEWFALSE");
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (value instanceof Tuple) this.#tuple(value.items);
    else if (value instanceof Array) this.#list(value);
    else if (value instanceof Map) this.#dict(value, value instanceof OrderedDict);
    else this.#writeOther(this, value as T);
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) this.#field("BINFLOAT", 8, (view) => view.setFloat64(0, value));
    else if (value >= 0 && value < 0x100) this.#field("BININT1", 1, (view) => view.setUint8(0, value));
    else if (value >= 0 && value < 0x10000) this.#field("BININT2", 2, (view) => view.setUint16(0, value, true));
    else if (value === (value | 0)) this.#field("BININT", 4, (view) => view.setInt32(0, value, true));
    else {
      this.#field("LONG1", 9, (view) => {
        view.setUint8(0, 8);
        view.setBigInt64(1, BigInt(value), true);
      });
    }
  }

  #text(value: string): void {
    const text = new TextEncoder().encode(value);
    this.#field("BINUNICODE", 4, (view) => view.setUint32(0, text.length, true));
    this.#push(text);
  }

  #tuple(items: readonly Picklable<T>[]): void {
    if (!items.length) return this.opcode("EMPTY_TUPLE");
    this.opcode("MARK");
    for (const item of items) this.value(item);
    this.opcode("TUPLE");
  }

  #list(items: readonly Picklable<T>[]): void {
    this.opcode("EMPTY_LIST");
    this.opcode("MARK");
    for (const item of items) this.value(item);
    this.opcode("APPENDS");
  }

  #dict(items: ReadonlyMap<string | number, Picklable<T>>, ordered: boolean): void {
    if (ordered) {
      this.global("collections", "OrderedDict");
      this.opcode("EMPTY_TUPLE");
      this.opcode("REDUCE");
    } else this.opcode("EMPTY_DICT");
    this.opcode("MARK");
    for (const [key, item] of items) {
      this.value(key);
      this.value(item);
    }
    this.opcode("SETITEMS");
  }

  #field(name: keyof typeof OPCODES, width: number, set: (view: DataView) => void): void {
    const bytes = new Uint8Array(width);
    set(new DataView(bytes.buffer));
    this.opcode(name);
    this.#push(bytes);
  }

  #push(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }
}
