/**
 * The 1000 classes of ILSVRC-2012 (ImageNet-1k), in the order every published checkpoint uses: sorted by WordNet id.
 *
 * @module
 */

import classes from "./imagenet_classes.json" with { type: "json" };

/** WordNet ids ("n########") by class index. */
export const IMAGENET_WORDNET_IDS: readonly string[] = classes.map(([id]) => id);

/** Class names by class index: the WordNet synset's words. */
export const IMAGENET_NAMES: readonly string[] = classes.map(([, name]) => name);

const indexOf: ReadonlyMap<string, number> = new Map(IMAGENET_WORDNET_IDS.map((id, index) => [id, index]));

/** The class index of a WordNet id, or undefined for one that is not of the 1000. */
export function imagenetIndex(wordNetId: string): number | undefined {
  return indexOf.get(wordNetId);
}
