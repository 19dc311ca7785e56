/**
 * Decompresses GIF's LZW: codes of growing length, in blocks of up to 255 bytes.
 *
 * @module
 */

const MAX_CODE_BITS = 12;
const TABLE = 1 << MAX_CODE_BITS;

/** Returns `count` indices, or a description of what is wrong with the data. */
export function unpackLzw(
  bytes: Uint8Array,
  start: number,
  codeBits: number,
  count: number,
): { readonly pixels: Uint8Array } | { readonly fault: string } {
  if (codeBits > MAX_CODE_BITS) return { fault: `codes of ${codeBits} bits, at most ${MAX_CODE_BITS} are possible` };
  const clear = 1 << codeBits;
  const end = clear + 1;
  // Each code stands for the string of an earlier code plus one index.
  const prefix = new Uint16Array(TABLE);
  const suffix = new Uint8Array(TABLE);
  const string = new Uint8Array(TABLE);
  const pixels = new Uint8Array(count);
  let filled = 0;
  let next = clear + 2, size = codeBits + 1, last = -1, first = 0;
  let at = start, left = 0, held = 0, bits = 0;
  while (filled < count) {
    while (bits < size) {
      if (left > 0) {
        held |= bytes[at++] << bits;
        bits += 8;
        left--;
      } else {
        // A block is read as a whole.
        if (at >= bytes.length || at + 1 + bytes[at] > bytes.length) return { fault: "the file is truncated" };
        left = bytes[at++];
      }
    }
    const code = held & ((1 << size) - 1);
    held >>>= size;
    bits -= size;

    if (code === clear) {
      [next, size, last] = [clear + 2, codeBits + 1, -1];
    } else if (code === end) {
      return { fault: `its data end after ${filled} of ${count} pixels` };
    } else if (last < 0) {
      if (code > clear) return { fault: "its compressed data are damaged" };
      pixels[filled++] = first = code;
      last = code;
    } else {
      if (code > next) return { fault: "its compressed data are damaged" };
      let length = 0;
      let from = code;
      if (code === next) {
        string[length++] = first;
        from = last;
      }
      while (from >= clear) {
        if (length >= TABLE || from >= TABLE) return { fault: "its compressed data are damaged" };
        string[length++] = suffix[from];
        from = prefix[from];
      }
      first = from;
      pixels[filled++] = first;
      while (length > 0 && filled < count) pixels[filled++] = string[--length];
      if (next < TABLE) {
        suffix[next] = first;
        prefix[next] = last;
        if (next === (1 << size) - 1 && size < MAX_CODE_BITS) size++;
        next++;
      }
      last = code;
    }
  }
  return { pixels };
}
