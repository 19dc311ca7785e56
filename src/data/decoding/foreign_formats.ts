/**
 * Recognises files of unsupported formats, for errors that name the format and say what to do.
 *
 * @module
 */

// deno-lint-ignore-file no-control-regex -- magic numbers hold control characters

const RESAVE = "re-save it as PNG or JPEG";
const NO_IMAGE = "it is no image: take it out of the data set";

/** An unsupported format: a pattern for its files, and what the user can do. */
interface Foreign {
  readonly name: string;
  readonly pattern: RegExp;
  readonly remedy: string;
}

/** Patterns for a file's first bytes, read as Latin-1. */
const FOREIGN: readonly Foreign[] = [
  { name: "BigTIFF", pattern: /^(II\+\0|MM\0\+)/, remedy: RESAVE },
  { name: "AVIF", pattern: /^.{4}ftypavi[fs]/s, remedy: RESAVE },
  { name: "HEIC", pattern: /^.{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)/s, remedy: RESAVE },
  { name: "MP4 or QuickTime", pattern: /^.{4}ftyp/s, remedy: NO_IMAGE },
  { name: "JPEG XL", pattern: /^(\xff\x0a|\0\0\0\x0cJXL )/, remedy: RESAVE },
  { name: "JPEG 2000", pattern: /^(\xff\x4f\xff\x51|\0\0\0\x0cjP {2})/, remedy: RESAVE },
  { name: "Photoshop", pattern: /^8BPS/, remedy: RESAVE },
  { name: "OpenEXR", pattern: /^\x76\x2f\x31\x01/, remedy: RESAVE },
  { name: "PAM or PFM", pattern: /^P[7fF]\s/, remedy: RESAVE },
  { name: "QOI", pattern: /^qoif/, remedy: RESAVE },
  { name: "DDS", pattern: /^DDS /, remedy: RESAVE },
  { name: "Windows icon", pattern: /^\0\0[\x01\x02]\0/, remedy: RESAVE },
  { name: "SVG", pattern: /^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!DOCTYPE )?svg/is, remedy: "draw it into a PNG" },
  {
    name: "HTML",
    pattern: /^\s*<(!DOCTYPE html|html|head)/i,
    remedy: "a download may have gone wrong: fetch it again",
  },
  { name: "PDF", pattern: /^%PDF/, remedy: NO_IMAGE },
  { name: "gzip", pattern: /^\x1f\x8b/, remedy: "unpack it" },
  { name: "zip", pattern: /^PK\x03\x04/, remedy: "unpack it" },
  {
    name: "Git LFS pointer",
    pattern: /^version https:\/\/git-lfs/,
    remedy: "fetch what it stands for with git lfs pull",
  },
  { name: "AppleDouble (what macOS adds as ._NAME)", pattern: /^\0\x05\x16\x07/, remedy: NO_IMAGE },
];

/** Number of bytes that identify any format, supported or not. */
export const HEAD_BYTES = 512;

/** Says what a file is that no decoder accepts, and what to do about it. */
export function describeForeign(bytes: Uint8Array): string {
  if (bytes.length === 0) return "found an empty file";
  const head = String.fromCharCode(...bytes.subarray(0, HEAD_BYTES));
  const found = FOREIGN.find(({ pattern }) => pattern.test(head));
  if (found) return `found a file of the format ${found.name} (${found.remedy})`;
  return `found bytes ${[...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
}
