import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { CIFAR10 } from "../../src/data/pixels/preprocessing.ts";

/**
 * Returns a data set of labelled images of CIFAR-10's size and 10 classes, which `load` provides. The files are
 * "image/0.png" and so on; `names` replaces "image".
 */
export function memoryDataset(length: number, load: Dataset["load"], names = "image"): Dataset {
  return {
    name: "memory",
    classes: [],
    numClasses: 10,
    length,
    preprocessing: CIFAR10,
    item: (index) => ({ file: `${names}/${index}.png`, label: index % 10 }),
    load,
    close() {},
  };
}
