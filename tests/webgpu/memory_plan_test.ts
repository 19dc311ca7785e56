import { assert, assertEquals } from "@std/assert";
import { type Life, planMemory } from "../../src/webgpu/planner/memory_plan.ts";

/** Fails if two values that are alive at the same time share a slot, or if a slot is too small. */
function assertSound(lives: readonly Life[]): void {
  const { slotOf, slots } = planMemory(lives);
  for (let i = 0; i < lives.length; i++) {
    assert(slots[slotOf[i]] >= lives[i].size, `value ${i} of ${lives[i].size} lies in a slot of ${slots[slotOf[i]]}`);
    for (let j = 0; j < i; j++) {
      const together = lives[i].first <= lives[j].last && lives[j].first <= lives[i].last;
      assert(!together || slotOf[i] !== slotOf[j], `values ${j} and ${i} share slot ${slotOf[i]} while both live`);
    }
  }
}

Deno.test("planMemory() reuses two slots in turn when each value feeds the next", () => {
  const chain = Array.from({ length: 10 }, (_, i) => ({ size: 100, first: i, last: i + 1 }));
  assertEquals(planMemory(chain).slots, [100, 100]);
});

Deno.test("planMemory() gives a value its own slot when it is read and the other written in one step", () => {
  const { slotOf } = planMemory([{ size: 1, first: 0, last: 3 }, { size: 1, first: 3, last: 4 }]);
  assert(slotOf[0] !== slotOf[1]);
});

Deno.test("planMemory() takes the smallest free slot that is large enough", () => {
  const { slotOf, slots } = planMemory([
    { size: 50, first: 0, last: 1 },
    { size: 10, first: 0, last: 1 },
    { size: 8, first: 2, last: 3 },
    { size: 40, first: 2, last: 3 },
  ]);
  assertEquals(slots, [50, 10]);
  assertEquals(slotOf, [0, 1, 1, 0]);
});

Deno.test("planMemory() makes slots as large as the largest value that will lie in them", () => {
  const { slots } = planMemory([
    { size: 50, first: 0, last: 0 },
    { size: 10, first: 0, last: 0 },
    { size: 60, first: 1, last: 1 },
  ]);
  assertEquals(slots, [60, 10]);
});

Deno.test("planMemory() does not let small values keep large ones out of large slots", () => {
  // In the order of their beginning, the small one would take the slot that the second large one needs.
  const { slots } = planMemory([
    { size: 100, first: 0, last: 1 },
    { size: 1, first: 2, last: 9 },
    { size: 100, first: 3, last: 4 },
    { size: 1, first: 5, last: 9 },
    { size: 100, first: 6, last: 7 },
  ]);
  assertEquals(slots, [100, 1, 1]);
});

Deno.test("planMemory() never lets two values overlap when lives are random", () => {
  let state = 7;
  const random = (n: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % n;
  for (let round = 0; round < 50; round++) {
    assertSound(Array.from({ length: 60 }, () => {
      const first = random(40);
      return { size: 1 + random(1000), first, last: first + random(12) };
    }));
  }
});

Deno.test("planMemory() plans nothing when there is nothing", () => {
  assertEquals(planMemory([]), { slotOf: [], slots: [] });
});
