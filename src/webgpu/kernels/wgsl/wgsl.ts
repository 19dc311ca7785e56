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
  return lines.flatMap(({ indentation, parts }) => {
    const [only] = parts;
    if (parts.length === 1 && typeof only === "number") {
      return pieces(values[only]).flatMap((piece) => piece.split("\n")).map((line) => indentation + line);
    }
    return indentation + parts.map((part) => typeof part === "number" ? pieces(values[part]).join(" ") : part).join("");
  }).join("\n");
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
function pieces(value: Wgsl): string[] {
  if (typeof value === "number") return [String(value)];
  if (typeof value === "string") return value === "" ? [] : [value];
  return value ? value.flatMap(pieces) : [];
}
