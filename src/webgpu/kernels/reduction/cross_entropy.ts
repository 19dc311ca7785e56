import type { AttributesOf, OperandsOf } from "../../../graph/graph.ts";
import type {
  crossEntropy as crossEntropyOperator,
  crossEntropyGrad as crossEntropyGradOperator,
} from "../../../graph/ops/cross_entropy.ts";
import { dispatch } from "../../plan/kernel.ts";
import { blocked } from "../../plan/layout.ts";
import type { Kernel } from "../../plan/plan.ts";
import { wgsl } from "../wgsl/wgsl.ts";

/** Terms that are added in one chain. Short chains have small rounding errors. */
const SHORT = 16;

/** WGSL that computes a sample's `highest` logit, the `total` of exp(logit - highest) and its `label`. */
const STATISTICS = wgsl`
  var highest = -3.0e38;
  for (var c = 0u; c < u.classes; c++) { highest = max(highest, logit(id, c)); }
  var total = 0.0;
  for (var first = 0u; first < u.classes; first += ${SHORT}u) {
    var run = 0.0;
    for (var c = first; c < min(u.classes, first + ${SHORT}u); c++) { run += exp(logit(id, c) - highest); }
    total += run;
  }
  let label = labels(id / 4u)[id % 4u];`;

const LOGIT = wgsl`
  fn logit(id: u32, c: u32) -> f32 { return logits(id * u.blocks + c / 4u)[c % 4u]; }`;

/** Computes the loss of every sample, one per invocation, then their mean. */
export const crossEntropy: Kernel = (node, context) => {
  const { logits, labels } = node.operands as OperandsOf<typeof crossEntropyOperator>;
  const { labelSmoothing } = node.attributes as AttributesOf<typeof crossEntropyOperator>;
  const { batch, channels: classes, blocks } = blocked(logits.shape);
  const losses = context.scratch(`${node.name} of each sample`, batch);
  context.emit(dispatch({
    label: "cross_entropy",
    reads: { logits: context.read(logits), labels: context.read(labels) },
    writes: { losses },
    uniforms: { classes, blocks },
    floats: { smoothing: labelSmoothing },
    invocations: batch,
    workgroupSize: 8,
    declarations: LOGIT,
    body: wgsl`
      ${STATISTICS}
      var loss = 0.0;
      for (var first = 0u; first < u.classes; first += ${SHORT}u) {
        var run = 0.0;
        for (var c = first; c < min(u.classes, first + ${SHORT}u); c++) {
          let share = u.smoothing / f32(u.classes) + select(0.0, 1.0 - u.smoothing, f32(c) == label);
          run += share * (log(total) - (logit(id, c) - highest));
        }
        loss += run;
      }
      losses[id] = vec4f(loss, 0.0, 0.0, 0.0);`,
  }));
  context.emit(dispatch({
    label: "cross_entropy_mean",
    reads: { losses },
    writes: { y: context.output(node) },
    uniforms: { batch },
    invocations: 1,
    workgroupSize: 8,
    body: wgsl`
      var sum = vec4f();
      for (var first = 0u; first < u.batch; first += ${SHORT}u) {
        var run = vec4f();
        for (var s = first; s < min(u.batch, first + ${SHORT}u); s++) { run += losses(s); }
        sum += run;
      }
      y[0] = sum / f32(u.batch);`,
  }));
};

/** gradient * (softmax(logits) - target) / B. One sample per invocation. */
export const crossEntropyGrad: Kernel = (node, context) => {
  const { logits, labels, gradient } = node.operands as OperandsOf<typeof crossEntropyGradOperator>;
  const { labelSmoothing } = node.attributes as AttributesOf<typeof crossEntropyGradOperator>;
  const { batch, channels: classes, blocks } = blocked(logits.shape);
  context.emit(dispatch({
    label: "cross_entropy_grad",
    reads: { logits: context.read(logits), labels: context.read(labels), gradient: context.read(gradient) },
    writes: { dx: context.output(node) },
    uniforms: { classes, blocks, batch },
    floats: { smoothing: labelSmoothing },
    invocations: batch,
    workgroupSize: 8,
    declarations: LOGIT,
    body: wgsl`
      ${STATISTICS}
      let factor = gradient(0u)[0] / f32(u.batch);
      for (var block = 0u; block < u.blocks; block++) {
        var texel = vec4f();
        for (var lane = 0u; lane < min(4u, u.classes - block * 4u); lane++) {
          let c = block * 4u + lane;
          let share = u.smoothing / f32(u.classes) + select(0.0, 1.0 - u.smoothing, f32(c) == label);
          texel[lane] = factor * (exp(logit(id, c) - highest) / total - share);
        }
        dx[id * u.blocks + block] = texel;
      }`,
  }));
};
