/**
 * Decides which values share memory. A value lives from the step that writes it to the last step that reads it. Two
 * values whose lives do not overlap may use the same slot. A slot is a whole buffer (or texture), not a range of one
 * large buffer, because WebGPU does not let one dispatch read and write the same buffer.
 *
 * @module
 */

/** The memory that one value needs. */
export interface Life {
  /** The amount, in any unit. */
  readonly size: number;
  /** The first step that touches it. */
  readonly first: number;
  /** The last step that touches it. */
  readonly last: number;
}

/** The slot of each value. */
export interface MemoryPlan {
  /** The slot of each value, in the order of the values. */
  readonly slotOf: readonly number[];
  /** The size of each slot. */
  readonly slots: readonly number[];
}

/**
 * Assigns slots, largest value first. A value takes the smallest slot whose values all live at other times. If there is
 * none, it gets a new slot. So large values decide the number of large slots, and small values fill gaps.
 */
export function planMemory(lives: readonly Life[]): MemoryPlan {
  const slotOf = new Array<number>(lives.length).fill(-1);
  const slots: { readonly size: number; readonly tenants: Life[] }[] = [];
  const order = lives.map((_, i) => i).sort((a, b) => lives[b].size - lives[a].size || lives[a].first - lives[b].first);
  for (const i of order) {
    const life = lives[i];
    // Slots are created in descending order of size. So the last free slot is the smallest one, and it is large enough.
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
