/**
 * The names of the classes, by index. ImageNet's thousand are imported only when they are asked for.
 *
 * @module
 */

import { checkWord } from "../../arguments.ts";
import { CIFAR10_NAMES } from "./cifar10_names.ts";

/**
 * Names of a data set's classes by index.
 *
 * @throws ArgumentError if the data set is neither
 */
export async function classNames(dataset: "imagenet" | "cifar10"): Promise<readonly string[]> {
  checkWord("the data set", dataset, ["imagenet", "cifar10"]);
  return dataset === "cifar10" ? CIFAR10_NAMES : (await import("./imagenet.ts")).IMAGENET_NAMES;
}
