/**
 * Which values may share memory. Values live from the step that writes them to the last step that reads them; two whose
 * lives do not overlap may use the same slot. A slot is a whole buffer (or texture), not a range of an arena: WebGPU does
 * not let one dispatch read and write the same buffer.
 *
 * @module
 */

/** One value's need for memory. */
export interface Life {
  /** How much it needs, in any unit. */
  readonly size: number;
  /** The first step that touches it. */
  readonly first: number;
  /** The last step that touches it. */
  readonly last: number;
}

/** Who lies where. */
export interface MemoryPlan {
  /** The slot of each value, in the order given. */
  readonly slotOf: readonly number[];
  /** The size of each slot. */
  readonly slots: readonly number[];
}

/**
 * Assigns slots in the order the values begin. Among the free slots the smallest that is large enough wins; if none is,
 * the largest free one grows.
 */
export function planMemory(lives: readonly Life[]): MemoryPlan {
  const slotOf = new Array<number>(lives.length).fill(-1);
  const slots: number[] = [];
  const busyUntil: number[] = [];
  const order = lives.map((_, i) => i).sort((a, b) => lives[a].first - lives[b].first || lives[b].size - lives[a].size);
  for (const i of order) {
    const { size, first, last } = lives[i];
    let best = -1;
    for (let slot = 0; slot < slots.length; slot++) {
      if (busyUntil[slot] < first && (best < 0 || isBetter(slots[slot], slots[best], size))) best = slot;
    }
    if (best < 0) best = slots.push(0) - 1;
    slots[best] = Math.max(slots[best], size);
    busyUntil[best] = last;
    slotOf[i] = best;
  }
  return { slotOf, slots };
}

/** True where a slot of `candidate` serves a value of `size` better than one of `best`. */
function isBetter(candidate: number, best: number, size: number): boolean {
  if (candidate >= size && best >= size) return candidate < best;
  return candidate > best;
}
