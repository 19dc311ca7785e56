/** The code in the project's Markdown: fenced blocks, and the indented ones that hold commands. */

import { fileURLToPath } from "node:url";

/** The project's folder, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** One block of code. */
export interface Block {
  /** What follows the fence; "sh" for indented commands, "text" for what nobody runs. */
  readonly language: string;
  readonly code: string;
  /** Of the first line of code in its file, from 1. */
  readonly line: number;
}

/** README.md and every page of docs/. */
export function pages(): string[] {
  const docs = [...Deno.readDirSync(`${ROOT}docs`)].map(({ name }) => `docs/${name}`).sort();
  return ["README.md", ...docs.filter((path) => path.endsWith(".md"))];
}

/** The blocks of a page, in its order. */
export function blocksOf(page: string): Block[] {
  return parseBlocks(Deno.readTextFileSync(ROOT + page));
}

const FENCED = /^ *(`{3,}|~{3,})(\S*).*\n([^]*?)^ *\1 *$/gm;
const INDENTED = /(?<=^\n)(?: {4}.*\n|\n(?= {4}))+/gm;
const COMMAND = /^(\$ )?(deno|npx|npm|curl|python3?|torchrun|printf|git|sh|bash|cd|mkdir)\b/m;

/** The blocks of a Markdown text, in its order. */
export function parseBlocks(markdown: string): Block[] {
  const found: { at: number; language: string; code: string }[] = [];
  const prose = markdown.replace(FENCED, (whole, _, language, code, at) => {
    found.push({ at: at + whole.indexOf("\n") + 1, language, code });
    return whole.replace(/[^\n]/g, "."); // so that places stay, and nothing in it counts as indented
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

/** The commands of a sh block: continued lines joined, empty lines and lines of comment left out. */
export function commandsOf({ code }: Block): string[] {
  const lines = code.replace(/\\\n\s*/g, "").split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}
