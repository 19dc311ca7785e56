/**
 * The template that kernels write their WGSL with. Lists and what is left out need no joining and no conditions around
 * line ends:
 *
 *     wgsl`
 *       for (var i = 0u; i < u.inputs; i++) {
 *         ${range(4).map((k) => `let w${k} = weight(i + ${k}u);`)}
 *         ${scaled && "sum *= scale;"}
 *       }`
 *
 * @module
 */

/** A piece of WGSL, or several; what is false, undefined or "" is left out. */
export type Wgsl = string | number | false | undefined | readonly Wgsl[];

/** A line of a template: its indentation, and the texts around the numbers of the values in it. */
interface Line {
  readonly indentation: string;
  readonly parts: readonly (string | number)[];
}

/** Templates are written often, and always the same ones. */
const LINES = new WeakMap<TemplateStringsArray, readonly Line[]>();

/**
 * WGSL from a template. A list that stands alone in its line becomes as many lines, else its pieces are written one after
 * the other with spaces between. A line of nothing but what is left out is no line.
 */
export function wgsl(template: TemplateStringsArray, ...values: readonly Wgsl[]): string {
  let lines = LINES.get(template);
  if (!lines) LINES.set(template, lines = linesOf(template));
  const written: string[] = [];
  for (const { indentation, parts } of lines) {
    const [only] = parts;
    if (parts.length === 1 && typeof only === "number") {
      for (const piece of pieces(values[only])) {
        written.push(indentation + (piece.includes("\n") ? piece.replaceAll("\n", `\n${indentation}`) : piece));
      }
    } else {
      let line = indentation;
      for (const part of parts) line += typeof part === "number" ? pieces(values[part]).join(" ") : part;
      written.push(line);
    }
  }
  return written.join("\n");
}

/** The lines of a template without the indentation that all have, and without empty ones. */
function linesOf(template: TemplateStringsArray): Line[] {
  const lines: { indentation: string; parts: (string | number)[] }[] = [];
  template.forEach((text, i) => {
    const [same, ...next] = text.split("\n");
    if (lines.length) lines[lines.length - 1].parts.push(same);
    else next.unshift(same);
    lines.push(...next.map((line) => {
      const [indentation] = line.match(/^ */)!;
      return { indentation, parts: [line.slice(indentation.length)] };
    }));
    if (i < template.length - 1) lines[lines.length - 1].parts.push(i);
  });
  const written = lines.map(({ indentation, parts }) => ({ indentation, parts: parts.filter((part) => part !== "") }))
    .filter(({ parts }) => parts.length > 0);
  const common = Math.min(...written.map(({ indentation }) => indentation.length));
  return written.map(({ indentation, parts }) => ({ indentation: indentation.slice(common), parts }));
}

/** The pieces of a value that are not left out. */
function pieces(value: Wgsl, into: string[] = []): string[] {
  if (typeof value === "number") into.push(String(value));
  else if (typeof value === "string") { if (value !== "") into.push(value); }
  else if (value) { for (const piece of value) pieces(piece, into); }
  return into;
}
