/**
 * Writes protocol buffers, as far as ONNX needs them. A message is a sequence of fields. Each field is a tag (number
 * and wire type) and a value. https://protobuf.dev/programming-guides/encoding
 *
 * @module
 */

/** The pieces of a field or message. They are joined once, at the end, so that weights are copied only then. */
export type Bytes = readonly Uint8Array<ArrayBuffer>[];

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const utf8 = new TextEncoder();

/** Encodes a whole number of at least 0: seven bits a byte, lowest first. */
function varint(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return Uint8Array.from([...bytes, value]);
}

const tag = (field: number, wireType: number) => varint(field * 8 + wireType);

/** Encodes an integer or enum field of at least 0. */
export function integer(field: number, value: number): Bytes {
  return [tag(field, VARINT), varint(value)];
}

/** Encodes a float field. */
export function float(field: number, value: number): Bytes {
  return [tag(field, FIXED32), new Uint8Array(Float32Array.of(value).buffer)];
}

/** Encodes a bytes field. */
export function bytes(field: number, value: Bytes): Bytes {
  const length = value.reduce((n, { byteLength }) => n + byteLength, 0);
  return [tag(field, LENGTH_DELIMITED), varint(length), ...value];
}

/** Encodes a string field. */
export function string(field: number, value: string): Bytes {
  return bytes(field, [utf8.encode(value)]);
}

/** Encodes a message field from its own fields. */
export function message(field: number, ...fields: Bytes[]): Bytes {
  return bytes(field, fields.flat());
}

/** Joins fields into a file. */
export function join(...fields: Bytes[]): Uint8Array<ArrayBuffer> {
  const all = fields.flat();
  const file = new Uint8Array(all.reduce((n, { byteLength }) => n + byteLength, 0));
  let at = 0;
  for (const piece of all) {
    file.set(piece, at);
    at += piece.byteLength;
  }
  return file;
}
