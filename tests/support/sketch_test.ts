import { assert, assertEquals } from "@std/assert";
import { uniform } from "./random_weights.ts";
import { estimateDistance, PROJECTIONS, sketch } from "./sketch.ts";

Deno.test("`estimateDistance()` is near the distance of two tensors when it knows their sketches only", () => {
  for (const [i, length] of [20, 1000, 30_000].entries()) {
    const a = uniform(`a${i}`, [length]);
    const difference = uniform(`difference${i}`, [length], 1e-2);
    const b = a.map((x, i) => x + difference[i]);
    const ratio = estimateDistance(sketch(a), sketch(b)) / Math.hypot(...difference);
    // Three standard deviations.
    assert(Math.abs(ratio - 1) < 3 / Math.sqrt(2 * PROJECTIONS), `${length} elements: ${ratio} of the truth`);
  }
});

Deno.test("`estimateDistance()` is exact when one element differs", () => {
  const a = uniform("a", [500]);
  const b = a.slice();
  b[77] += 1;
  const distance = estimateDistance(sketch(a), sketch(b));
  assert(Math.abs(distance - Math.abs(b[77] - a[77])) < 1e-12, `${distance}`);
  assertEquals(estimateDistance(sketch(a), sketch(a)), 0);
});
