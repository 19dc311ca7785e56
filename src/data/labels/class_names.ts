/**
 * The names of the classes, by index. ImageNet's thousand are imported only when they are asked for.
 *
 * @module
 */

import { CIFAR10_NAMES } from "./cifar10_names.ts";

/** Names of a data set's classes by index, as `Model.dataset` names the data set. */
export async function classNames(dataset: "imagenet" | "cifar10"): Promise<readonly string[]> {
  return dataset === "cifar10" ? CIFAR10_NAMES : (await import("./imagenet.ts")).IMAGENET_NAMES;
}
