import { tf } from "../../tfjs.ts";
import type { Kernel } from "../tensors/kernel.ts";

/** The product of two matrices, for every sample. */
export const bmmKernel: Kernel = { run: ({ a, b }) => tf.matMul(a!, b!) };
