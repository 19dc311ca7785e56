import type { Expression } from "../../../graph/ops/elementwise/expression.ts";
import type { Names } from "../../plan/formula.ts";

/** Above this, a hyperbolic tangent is 1 in float32, and its exponentials may overflow. */
const FLAT = 15;

/**
 * Returns WGSL of an expression of values of that type. `names` are the operands' names. NaN fails every comparison, so
 * it passes through a select.
 */
export function expressionText(expression: Expression, names: Names, type: "vec4f" | "f32"): string {
  const text = (part: Expression): string => {
    switch (part.kind) {
      case "operand":
        return names[part.name];
      case "constant":
        return literal(part.value);
      case "neg":
        return `(-${text(part.x)})`;
      case "tanh": {
        const x = text(part.x);
        return `select(select(tanh(${x}), ${literal(1)}, ${x} > ${literal(FLAT)}), ${literal(-1)}, ${x} < ${
          literal(-FLAT)
        })`;
      }
      case "abs":
      case "exp":
      case "sqrt":
        return `${part.kind}(${text(part.x)})`;
      case "less":
      case "less_equal":
        return `select(${text(part.no)}, ${text(part.yes)}, ${text(part.a)} ${part.kind === "less" ? "<" : "<="} ${
          text(part.b)
        })`;
      default:
        return `(${text(part.a)} ${SIGNS[part.kind]} ${text(part.b)})`;
    }
  };
  const literal = (value: number) => `${type}(${Number.isInteger(value) ? value.toFixed(1) : value})`;
  return text(expression);
}

const SIGNS = { add: "+", sub: "-", mul: "*", div: "/" } as const;
