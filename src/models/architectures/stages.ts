/** Total time of the steps of one stage. */
export interface StageTime {
  /** Name of the stage: "layer1" of a ResNet, "features.3" of a MobileNet, "inputs" or "pooling". */
  readonly what: string;
  readonly milliseconds: number;
}

/**
 * Sums the times of a network's nodes by stage, in the order in which the stages first ran. `inputs` are the graph's.
 */
export function timesByStage(
  times: Iterable<{ readonly node: string; readonly milliseconds: number }>,
  inputs: { has(name: string): boolean },
): StageTime[] {
  const stages = new Map<string, number>();
  for (const { node, milliseconds } of times) {
    const what = inputs.has(node) ? "inputs" : stageOf(node);
    stages.set(what, (stages.get(what) ?? 0) + milliseconds);
  }
  return [...stages].map(([what, milliseconds]) => ({ what, milliseconds }));
}

/** Returns the stage of a node. The pooling between the last layer and the classifier has no name. */
function stageOf(node: string): string {
  const [first, second] = node.split(".");
  return first === "features" && second ? `${first}.${second}` : first || "pooling";
}
