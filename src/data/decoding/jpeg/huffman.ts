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
  /** False where there are more codes of a length than that length has room for. */
  readonly isValid: boolean;

  /** `counts[i]` codes have length i + 1; `symbols` lists theirs in order. */
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

  /** True where it has codes for nothing but numbers of bits that a DC difference may have. */
  get isForDc(): boolean {
    return this.#symbols.every((symbol) => symbol < 16);
  }

  /** The next symbol of `bits`; where no code matches, 0, for which libjpeg takes 17 bits. */
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
/** Stands for whatever marker follows the scan. */
const END = 0xd9;

/**
 * Reads entropy-coded data bit by bit, highest first, dropping the zero stuffed after each 0xff. At a marker it stays, and
 * gives zeros, until `restart` finds that one out.
 */
export class BitReader {
  readonly #data: Uint8Array;
  #at = 0;
  #byte = 0;
  #left = 0;
  /** The marker that was met, or 0. */
  #marker = 0;
  /** True once bits beyond a marker or the data's end were asked for. */
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

  /**
   * Goes on behind restart marker `number` (0 to 7), by libjpeg's rules where another one comes: an earlier one is passed
   * over, before one of the next two the reader stays and gives nothing, and any other counts as the right one.
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

  /** The byte behind one 0xff or more; zero is the data's own. */
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
