/** How long the steps of one stage took together. */
export interface StageTime {
  /** "layer1" of a ResNet, "features.3" of a MobileNet, "inputs", "pooling". */
  readonly what: string;
  readonly milliseconds: number;
}

/** Sums the times of a network's nodes by stage, in the order in which stages first ran. `inputs` are the graph's. */
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

/** A layer's stage; the pooling between the last one and the classifier has no name. */
function stageOf(node: string): string {
  const [first, second] = node.split(".");
  return first === "features" && second ? `${first}.${second}` : first || "pooling";
}
