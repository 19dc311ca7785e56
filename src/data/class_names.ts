/**
 * The names of the classes, by index. Imported late: a thousand names are not for everybody.
 *
 * @module
 */

/** Names of a data set's classes by index, as `Model.dataset` names the data set. */
export async function classNames(dataset: "imagenet" | "cifar10"): Promise<readonly string[]> {
  if (dataset === "cifar10") return (await import("./cifar10.ts")).CIFAR10_NAMES;
  return (await import("./imagenet.ts")).IMAGENET_NAMES;
}
