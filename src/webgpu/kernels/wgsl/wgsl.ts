/**
 * The template tag for WGSL of kernels. Lists are joined and absent values are dropped, without conditions around line
 * ends:
 *
 *     wgsl`
 *       for (var i = 0u; i < u.inputs; i++) {
 *         ${range(4).map((k) => `let w${k} = weight(i + ${k}u);`)}
 *         ${scaled && "sum *= scale;"}
 *       }`
 *
 * @module
 */

/** One or more pieces of WGSL. False, undefined and "" are left out. */
export type Wgsl = string | number | false | undefined | readonly Wgsl[];

/** A line of a template: its indentation, and its texts around the indices of the inserted values. */
interface Line {
  readonly indentation: string;
  readonly parts: readonly (string | number)[];
}

/** Parsed templates. The same few templates are used many times. */
const LINES = new WeakMap<TemplateStringsArray, readonly Line[]>();

/**
 * Returns WGSL from a template. A list that is alone in its line becomes one line per item. Otherwise its items are
 * joined with spaces. A line that contains only absent values is dropped.
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

/** Returns the lines of a template without their common indentation and without empty lines. */
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

/** Returns the pieces of a value that are not left out. */
function pieces(value: Wgsl, into: string[] = []): string[] {
  if (typeof value === "number") into.push(String(value));
  else if (typeof value === "string") { if (value !== "") into.push(value); }
  else if (value) { for (const piece of value) pieces(piece, into); }
  return into;
}
