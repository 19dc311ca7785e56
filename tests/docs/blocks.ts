/** Finds the code in the project's Markdown: fenced blocks, and indented blocks, which contain commands. */

import { fileURLToPath } from "node:url";

/** The project's folder, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** One block of code. */
export interface Block {
  /** The language after the fence; "sh" for indented commands, "text" for blocks that are not run. */
  readonly language: string;
  readonly code: string;
  /** Line number of the first line of code in its file, from 1. */
  readonly line: number;
}

/** Paths of README.md and every page of docs/. */
export function pages(): string[] {
  const docs = [...Deno.readDirSync(`${ROOT}docs`)].map(({ name }) => `docs/${name}`).sort();
  return ["README.md", ...docs.filter((path) => path.endsWith(".md"))];
}

/** Returns the blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  return parseBlocks(Deno.readTextFileSync(ROOT + page));
}

const FENCED = /^ *(`{3,}|~{3,})(\S*).*\n([^]*?)^ *\1 *$/gm;
const INDENTED = /(?<=^\n)(?: {4}.*\n|\n(?= {4}))+/gm;
const COMMAND = /^(\$ )?(deno|npx|npm|curl|python3?|torchrun|printf|git|sh|bash|cd|mkdir)\b/m;

/** Returns the blocks of a Markdown text, in order. */
export function parseBlocks(markdown: string): Block[] {
  const found: { at: number; language: string; code: string }[] = [];
  const prose = markdown.replace(FENCED, (whole, _, language, code, at) => {
    found.push({ at: at + whole.indexOf("\n") + 1, language, code });
    return whole.replace(/[^\n]/g, "."); // keeps positions; its lines do not count as indented
  });
  for (const { 0: text, index } of prose.matchAll(INDENTED)) {
    const code = text.replace(/^ {4}/gm, "");
    found.push({ at: index, language: COMMAND.test(code) ? "sh" : "text", code });
  }
  return found.sort((a, b) => a.at - b.at).map(({ at, language, code }) => ({
    language,
    code,
    line: markdown.slice(0, at).split("\n").length,
  }));
}

/** Returns the commands of a sh block. Joins continued lines; drops empty lines and comments. */
export function commandsOf({ code }: Block): string[] {
  const lines = code.replace(/\\\n\s*/g, "").split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}
