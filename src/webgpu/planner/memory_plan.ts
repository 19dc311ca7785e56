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
 * Assigns slots to the largest values first. A value takes the smallest slot whose values all live at other times; where
 * there is none, a slot of its own. Large values thereby decide how many large slots there are, and small ones fill gaps.
 */
export function planMemory(lives: readonly Life[]): MemoryPlan {
  const slotOf = new Array<number>(lives.length).fill(-1);
  const slots: { readonly size: number; readonly tenants: Life[] }[] = [];
  const order = lives.map((_, i) => i).sort((a, b) => lives[b].size - lives[a].size || lives[a].first - lives[b].first);
  for (const i of order) {
    const life = lives[i];
    // Slots are made in falling order of size: the last free one is the smallest, and large enough.
    let slot = slots.findLastIndex(({ tenants }) => !tenants.some((tenant) => overlap(tenant, life)));
    if (slot < 0) slot = slots.push({ size: life.size, tenants: [] }) - 1;
    slots[slot].tenants.push(life);
    slotOf[i] = slot;
  }
  return { slotOf, slots: slots.map(({ size }) => size) };
}

function overlap(a: Life, b: Life): boolean {
  return a.first <= b.last && b.first <= a.last;
}
