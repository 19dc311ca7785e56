/**
 * Huffman codes, and a reader for their bits (ITU-T T.81, Annex C and F.2.2).
 *
 * @module
 */

/** A canonical Huffman code: codes of one length are consecutive, and longer codes continue after shorter ones. */
export class HuffmanTable {
  readonly #symbols: Uint8Array;
  /**
   * By code length 1..16: the first number after the codes of that length, and what to add to a code to get its
   * symbol's index.
   */
  readonly #end = new Int32Array(17);
  readonly #offset = new Int32Array(17);
  /** False if there are more codes of a length than that length allows. */
  readonly isValid: boolean;

  /** `counts[i]` is the number of codes of length i + 1. `symbols` lists their symbols in order. */
  constructor(counts: Uint8Array, symbols: Uint8Array) {
    this.#symbols = symbols;
    let isValid = true;
    let code = 0;
    let index = 0;
    for (let length = 1; length <= 16; length++) {
      this.#offset[length] = index - code;
      code += counts[length - 1];
      index += counts[length - 1];
      this.#end[length] = code;
      isValid &&= counts[length - 1] === 0 || code <= 1 << length;
      code <<= 1;
    }
    this.isValid = isValid;
  }

  /** Whether all symbols are possible bit counts of a DC difference. */
  get isForDc(): boolean {
    return this.#symbols.every((symbol) => symbol < 16);
  }

  /** Reads the next symbol from `bits`. If no code matches, returns 0 after 17 bits, as libjpeg does. */
  decode(bits: BitReader): number {
    let code = 0;
    for (let length = 1; length <= 16; length++) {
      code = (code << 1) | bits.bit();
      if (code < this.#end[length]) return this.#symbols[code + this.#offset[length]];
    }
    bits.bit();
    return 0;
  }
}

const RST0 = 0xd0;
const RST7 = 0xd7;
/** The lowest marker that starts a segment which may follow a scan. */
const SOF0 = 0xc0;
/** Used for any marker after the scan. */
const END = 0xd9;

/**
 * Reads entropy-coded data bit by bit, highest bit first. It drops the zero byte stuffed after each 0xff. At a marker
 * it stops and returns zeros until `restart` passes the marker.
 */
export class BitReader {
  readonly #data: Uint8Array;
  #at = 0;
  #byte = 0;
  #left = 0;
  /** The marker that was reached, or 0. */
  #marker = 0;
  /** Whether bits after a marker or after the end of the data were read. */
  exhausted = false;

  /** Starts at the first byte of `data`. */
  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** Reads a bit. */
  bit(): number {
    if (this.#left === 0) this.#nextByte();
    return (this.#byte >> --this.#left) & 1;
  }

  /** Reads `count` bits as an unsigned number. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = (value << 1) | this.bit();
    return value;
  }

  /** Reads `count` bits as T.81's EXTEND does: the lower half of the range stands for negative numbers. */
  signed(count: number): number {
    if (count === 0) return 0;
    const value = this.bits(count);
    return value < 1 << (count - 1) ? value - (1 << count) + 1 : value;
  }

  /**
   * Continues after restart marker `number` (0 to 7). If another restart marker comes, libjpeg's rules apply: an
   * earlier one is skipped; at one of the next two, the reader stays and returns zeros; any other one is treated as the
   * right one.
   */
  restart(number: number): void {
    this.#left = 0;
    if (this.#marker === 0) this.#nextMarker();
    for (;;) {
      const ahead = (this.#marker - RST0 - number) & 7;
      const isRestart = this.#marker >= RST0 && this.#marker <= RST7;
      if (this.#marker < SOF0 || (isRestart && ahead >= 6)) this.#nextMarker();
      else if (!isRestart || ahead === 1 || ahead === 2) return;
      else break;
    }
    this.#marker = 0;
    this.exhausted = false;
  }

  #nextMarker(): void {
    for (this.#marker = 0; this.#marker === 0;) {
      while (this.#at < this.#data.length && this.#data[this.#at] !== 0xff) this.#at++;
      this.#marker = this.#behindFill();
    }
  }

  /** Returns the byte after one or more 0xff. Zero means that the 0xff was data. */
  #behindFill(): number {
    while (this.#at < this.#data.length && this.#data[this.#at] === 0xff) this.#at++;
    return this.#at < this.#data.length ? this.#data[this.#at++] : END;
  }

  #nextByte(): void {
    this.#left = 8;
    if (this.#marker === 0 && this.#at < this.#data.length) {
      this.#byte = this.#data[this.#at];
      if (this.#byte !== 0xff) {
        this.#at++;
        return;
      }
      this.#marker = this.#behindFill();
      if (this.#marker === 0) return;
    }
    this.exhausted = true;
    this.#byte = 0;
  }
}
