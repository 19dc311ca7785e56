/**
 * The arithmetic of optimizers and running averages. The equations are in src/graph/ops/optimizer_step.ts and
 * batch_norm_train.ts. A parameter's new value overwrites the parameter in place. A step and the optimizer state that
 * it uses are computed in one pass.
 *
 * @module
 */

import type { AttributesOf, Node, OperandsOf, Value } from "../../../graph/graph.ts";
import type { runningAverage as runningAverageOperator } from "../../../graph/ops/batch_norm_train.ts";
import type {
  adamwStep as adamwStepOperator,
  clipFactor as clipFactorOperator,
  sgdStep as sgdStepOperator,
  sgdVelocity as sgdVelocityOperator,
  squaredAverage as squaredAverageOperator,
} from "../../../graph/ops/optimizer_step.ts";
import type { Formula, Names } from "../../plan/formula.ts";
import type { Kernel, PlanContext } from "../../plan/plan.ts";
import { emitFormulas, planFormula } from "../wgsl/formula.ts";

/** momentum * velocity + gradient + weightDecay * parameter. */
function sgdVelocityFormula({ operands, attributes }: Node<typeof sgdVelocityOperator>): Formula {
  const { condition, ...texels } = operands;
  return {
    texels,
    numbers: { condition },
    floats: { momentum: attributes.momentum, decay: attributes.weightDecay },
    result: (n) => unless(n, n.velocity, `${n.momentum} * ${n.velocity} + ${n.gradient} + ${n.decay} * ${n.parameter}`),
    over: texels.velocity,
  };
}

/** parameter - learningRate * direction. */
function sgdStepFormula({ operands, attributes }: Node<typeof sgdStepOperator>): Formula {
  const { learningRate, condition, parameter, gradient, velocity } = operands;
  const { momentum, weightDecay: decay, nesterov } = attributes;
  const decayed = (n: Names) => `${n.gradient} + ${n.decay} * ${n.parameter}`;
  const direction = (n: Names) =>
    !velocity ? decayed(n) : nesterov ? `${decayed(n)} + ${n.momentum} * ${n.velocity}` : n.velocity;
  return {
    texels: { parameter, velocity, gradient: velocity && !nesterov ? undefined : gradient },
    numbers: { learningRate, condition },
    floats: { momentum, decay },
    result: (n) => unless(n, n.parameter, `${n.parameter} - ${n.learningRate} * (${direction(n)})`),
    over: parameter,
  };
}

/** (1 - momentum) * running + momentum * correction * batch. */
function runningAverageFormula({ operands, attributes }: Node<typeof runningAverageOperator>): Formula {
  const { running, batch, condition } = operands;
  const { momentum, correction } = attributes;
  return {
    texels: { running, batch },
    numbers: { condition },
    floats: { kept: 1 - momentum, added: momentum * correction },
    result: (n) => unless(n, n.running, `${n.kept} * ${n.running} + ${n.added} * ${n.batch}`),
    over: running,
  };
}

/** beta * moment + (1 - beta) * gradient^2. */
function squaredAverageFormula({ operands, attributes: { beta } }: Node<typeof squaredAverageOperator>): Formula {
  const { condition, ...texels } = operands;
  return {
    texels,
    numbers: { condition },
    floats: { kept: beta, added: 1 - beta },
    result: (n) => unless(n, n.moment, `${n.kept} * ${n.moment} + ${n.added} * ${n.gradient} * ${n.gradient}`),
    over: texels.moment,
  };
}

/** Decoupled weight decay, then the step of Adam. */
function adamwStepFormula({ operands, attributes }: Node<typeof adamwStepOperator>): Formula {
  const { parameter, first, second, condition, ...numbers } = operands;
  const step = (n: Names) =>
    `${n.first} * ${n.firstCorrection} / (sqrt(${n.second} * ${n.secondCorrection}) + ${n.eps})`;
  const kept = (n: Names) => `(1.0 - ${n.learningRate} * ${n.decay}) * ${n.parameter}`;
  return {
    texels: { parameter, first, second },
    numbers: { ...numbers, condition },
    floats: { decay: attributes.weightDecay, eps: attributes.eps },
    result: (n) => unless(n, n.parameter, `${kept(n)} - ${n.learningRate} * ${step(n)}`),
    over: parameter,
  };
}

/** Returns WGSL of an update. If there is a condition and it is 0, the old numbers are kept. */
function unless({ condition }: Names, old: string, updated: string): string {
  return condition ? `select(${old}, ${updated}, ${condition} != 0.0)` : updated;
}

const FORMULAS: Readonly<Record<string, (node: Node) => Formula>> = {
  sgd_velocity: sgdVelocityFormula,
  sgd_step: sgdStepFormula,
  running_average: runningAverageFormula,
  squared_average: squaredAverageFormula,
  adamw_step: adamwStepFormula,
};

/**
 * The planning function of the operators above. An optimizer's state is planned together with the step that uses it.
 */
export const optimizerUpdate: Kernel = (node, context) => {
  const together = withStep(node, context) ?? [node];
  emitFormulas(together.map((node) => ({ node, formula: FORMULAS[node.op.name](node) })), context);
};

/**
 * Returns the step that uses a node's result, after the state nodes that it uses. Returns undefined if one of their
 * other operands is not yet computed.
 */
function withStep(node: Node, context: PlanContext): Node[] | undefined {
  const step = context.users(node.output).find(({ op }) => op.name === "sgd_step" || op.name === "adamw_step");
  if (!step) return undefined;
  const { velocity, first, second } = step.operands as Readonly<Record<string, Value | undefined>>;
  const memory = [velocity, first, second].flatMap((value) => value?.source.kind === "node" ? [value.source.node] : []);
  const own = new Set(memory.map(({ output }) => output));
  const taken = [...memory, step].flatMap(({ operands }) =>
    Object.values(operands as Record<string, Value | undefined>)
  );
  const isThere = (value: Value | undefined) => !value || own.has(value) || context.isPlanned(value);
  return memory.every(({ op }) => op.name in FORMULAS) && taken.every(isThere) ? [...memory, step] : undefined;
}

/** min(1, maxNorm / (sqrt(squares) + 1e-6)). */
export const clipFactor: Kernel = (node, context) => {
  const { maxNorm } = node.attributes as AttributesOf<typeof clipFactorOperator>;
  const texels = node.operands as OperandsOf<typeof clipFactorOperator>;
  const result = (n: Names) => `min(vec4f(1.0), vec4f(${n.maxNorm}) / (sqrt(${n.squares}) + 1.0e-6))`;
  planFormula(node, { texels, floats: { maxNorm }, result }, context);
};
