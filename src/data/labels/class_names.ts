/**
 * Class names by index. ImageNet's thousand names are imported only on demand.
 *
 * @module
 */

import { checkWord } from "../../arguments.ts";
import { CIFAR10_NAMES } from "./cifar10_names.ts";

/**
 * Returns the names of a data set's classes by index.
 *
 * @throws {ArgumentError} if the data set is unknown
 */
export async function classNames(dataset: "imagenet" | "cifar10"): Promise<readonly string[]> {
  checkWord("the data set", dataset, ["imagenet", "cifar10"]);
  return dataset === "cifar10" ? CIFAR10_NAMES : (await import("./imagenet.ts")).IMAGENET_NAMES;
}
