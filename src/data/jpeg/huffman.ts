/**
 * Huffman codes and the bits they are read from (ITU-T T.81, Annex C and F.2.2).
 *
 * @module
 */

/** A canonical Huffman code: codes of one length are consecutive, and longer ones continue where shorter ones stop. */
export class HuffmanTable {
  readonly #symbols: Uint8Array;
  /** By code length 1..16: the first code beyond that length's codes, and what to add to a code for its symbol. */
  readonly #end = new Int32Array(17);
  readonly #offset = new Int32Array(17);

  /** `counts[i]` codes have length i + 1; `symbols` lists theirs in order. */
  constructor(counts: Uint8Array, symbols: Uint8Array) {
    this.#symbols = symbols;
    let code = 0;
    let index = 0;
    for (let length = 1; length <= 16; length++) {
      this.#offset[length] = index - code;
      code += counts[length - 1];
      index += counts[length - 1];
      this.#end[length] = code;
      code <<= 1;
    }
  }

  /** The next symbol of `bits`, or -1 where no code matches. */
  decode(bits: BitReader): number {
    let code = 0;
    for (let length = 1; length <= 16; length++) {
      code = (code << 1) | bits.bit();
      if (code < this.#end[length]) return this.#symbols[code + this.#offset[length]];
    }
    return -1;
  }
}

/** Reads entropy-coded data bit by bit, highest first, dropping the zero stuffed after each 0xff. */
export class BitReader {
  readonly #data: Uint8Array;
  #at = 0;
  #byte = 0;
  #left = 0;
  /** True once bits beyond the data, which read as zeros, were asked for. */
  exhausted = false;

  /** Starts at the first byte of `data`. */
  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** The next bit. */
  bit(): number {
    if (this.#left === 0) this.#nextByte();
    return (this.#byte >> --this.#left) & 1;
  }

  /** The next `count` bits as an unsigned number. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = (value << 1) | this.bit();
    return value;
  }

  /** The next `count` bits as T.81's EXTEND reads them: the lower half of the range stands for negative numbers. */
  signed(count: number): number {
    if (count === 0) return 0;
    const value = this.bits(count);
    return value < 1 << (count - 1) ? value - (1 << count) + 1 : value;
  }

  /** Moves behind the next restart marker; false if there is none. */
  restart(): boolean {
    this.#left = 0;
    while (this.#at + 1 < this.#data.length) {
      const found = this.#data[this.#at] === 0xff && this.#data[this.#at + 1] !== 0;
      this.#at += found ? 2 : 1;
      if (found) return true;
    }
    return false;
  }

  #nextByte(): void {
    const byte = this.#data[this.#at];
    const marker = byte === 0xff && this.#data[this.#at + 1] !== 0;
    if (this.#at >= this.#data.length || marker) {
      this.exhausted = true;
      this.#byte = 0;
    } else {
      this.#byte = byte;
      this.#at += byte === 0xff ? 2 : 1;
    }
    this.#left = 8;
  }
}
