/**
 * Saves the progress of an evaluation on disk after every batch, so that a killed evaluation can be continued. The
 * first line describes the evaluation. Then there is one line per batch. Lines are only appended.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Prediction } from "./accuracy.ts";
import { Field } from "./field.ts";
import { parsePrediction } from "./report_file.ts";

/** Result of a batch. */
export interface BatchResult {
  /** Number of the evaluation's images up to and including this batch, with broken ones. */
  readonly end: number;
  /** The broken images of this batch. */
  readonly skipped: readonly string[];
  /** One prediction per image. */
  readonly predictions: readonly Prediction[];
  /** Logits of the predictions, row by row. Only set if the evaluation keeps logits. */
  readonly logits?: Float32Array;
}

/** Everything that determines an evaluation's result. Evaluations with equal descriptions have equal results. */
export type Description = Readonly<Record<string, string | number | boolean>>;

/** The line of a batch. */
interface Entry extends BatchResult {
  /** Seconds of the evaluation up to here. */
  readonly seconds: number;
}

/** A larger file is not a journal. A journal with the logits of 50,000 images of 1000 classes has 280 MB. */
const MAX_BYTES = 500_000_000;
const NEWLINE = 10;

/** A journal that is being written. */
export class Journal {
  readonly #file: Deno.FsFile;
  readonly #path: string;

  private constructor(path: string, file: Deno.FsFile, readonly done: readonly Entry[]) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens the journal at `path` and reads its batches (`done`), or starts a new journal. A cut or damaged line is
   * removed, and so are all lines after it.
   *
   * @throws {DataError} if the file is the journal of another evaluation, whose work is not overwritten, or is not a
   * journal.
   */
  static async open(path: string, description: Description): Promise<Journal> {
    const file = await asDataError(path, () => Deno.open(path, { read: true, write: true, create: true }));
    try {
      const { done, length } = parseJournal(await readAll(file, path), description, path);
      await file.truncate(length);
      await file.seek(length, Deno.SeekMode.Start);
      const journal = new Journal(path, file, done);
      if (length === 0) await journal.#line(description);
      return journal;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Adds a batch. On return it is on the disk. Throws DataError if the disk is full. */
  async add({ logits, ...batch }: BatchResult, seconds: number): Promise<void> {
    await this.#line({ ...batch, seconds, ...(logits && { logits: toBase64(logits) }) });
  }

  /** Closes the file. It stays on disk, so that the evaluation can be continued. */
  close(): void {
    this.#file.close();
  }

  async #line(value: unknown): Promise<void> {
    const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    await asDataError(this.#path, async () => {
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
      await this.#file.syncData();
    });
  }
}

/** Returns the valid lines of a journal and their total number of bytes. Throws DataError as Journal.open does. */
export function parseJournal(
  bytes: Uint8Array<ArrayBuffer>,
  description: Description,
  path: string,
): { done: Entry[]; length: number } {
  const done: Entry[] = [];
  let length = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, length)) {
    const value = parseLine(bytes.subarray(length, end));
    if (length === 0) {
      const different = difference(value, description, path);
      // The other journal has no batches. It is replaced by this evaluation's.
      if (different !== undefined && end + 1 === bytes.length) return { done, length };
      if (different !== undefined) throw new DataError(different);
    } else {
      const entry = parseEntry(value, done.at(-1)?.end ?? 0);
      if (!entry) break;
      done.push(entry);
    }
    length = end + 1;
  }
  // A program that was killed while it wrote the first line leaves a part of that line. Nothing is lost by replacing
  // it.
  if (length === 0 && bytes.length > 0 && !JSON.stringify(description).startsWith(new TextDecoder().decode(bytes))) {
    throw notAJournal(path);
  }
  return { done, length };
}

function parseLine(line: Uint8Array<ArrayBuffer>): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch {
    return undefined;
  }
}

/**
 * Returns how a journal's first line differs from this evaluation, for an error message. Returns undefined if it does
 * not.
 */
function difference(value: unknown, description: Description, path: string): string | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "journal")) throw notAJournal(path);
  const found = value as Record<string, unknown>;
  for (const key of new Set([...Object.keys(description), ...Object.keys(found)])) {
    const [was, is] = [found, description].map((d) =>
      Object.hasOwn(d, key) ? new Field(d[key], key).shown() : "nothing"
    );
    if (was === is) continue;
    return `${path} is what an interrupted evaluation has done so far, and that was another one: its ${key} is ${was}, ` +
      `now ${is}. Finish it with its own options, write this report elsewhere, or delete the file`;
  }
  return undefined;
}

function notAJournal(path: string): DataError {
  return new DataError(`${path} is in the way: it is where eval keeps what it has done so far, and is something else`);
}

/** Returns an entry that starts at image `begin`, or undefined if the line is damaged. */
function parseEntry(value: unknown, begin: number): Entry | undefined {
  try {
    const entry = new Field(value, "entry");
    const skipped = entry.get("skipped").list((file) => file.string());
    const predictions = entry.get("predictions").list(parsePrediction);
    const logits = entry.optional("logits", (text) => fromBase64(text.string()));
    const end = entry.get("end").integer(begin + 1);
    if (end !== begin + skipped.length + predictions.length) return undefined;
    return { end, skipped, predictions, seconds: entry.get("seconds").number(), ...(logits && { logits }) };
  } catch (error) {
    if (error instanceof DataError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function toBase64(logits: Float32Array): string {
  return new Uint8Array(logits.slice().buffer).toBase64();
}

function fromBase64(text: string): Float32Array {
  const bytes = Uint8Array.fromBase64(text);
  if (bytes.length % 4) throw new SyntaxError("not whole numbers");
  return new Float32Array(bytes.buffer);
}

async function readAll(file: Deno.FsFile, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = await file.stat();
  if (size > MAX_BYTES) throw notAJournal(path);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) at += await file.read(bytes.subarray(at)) ?? size;
  return bytes;
}

async function asDataError<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new DataError(
      `${path}, which keeps what eval has done so far, cannot be written: ${(error as Error).message}`,
    );
  }
}
