/**
 * The 1000 classes of ILSVRC-2012 (ImageNet-1k), sorted by WordNet id. Every published checkpoint uses this order.
 *
 * @module
 */

import classes from "./imagenet_classes.json" with { type: "json" };

/** WordNet ids ("n########") by class index. */
export const IMAGENET_WORDNET_IDS: readonly string[] = classes.map(([id]) => id);

/** Class names by class index: the WordNet synset's words. */
export const IMAGENET_NAMES: readonly string[] = classes.map(([, name]) => name);

const indexOf: ReadonlyMap<string, number> = new Map(IMAGENET_WORDNET_IDS.map((id, index) => [id, index]));

/** Returns the class index of a WordNet id, or undefined if the id is not one of the 1000. */
export function imagenetIndex(wordNetId: string): number | undefined {
  return indexOf.get(wordNetId);
}
