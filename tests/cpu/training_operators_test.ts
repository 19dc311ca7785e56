import { assert, assertEquals } from "@std/assert";
import { openCpu } from "../../src/cpu/backend.ts";
import { TRAINING_OPERATORS } from "../../src/graph/ops/training.ts";
import { relativeError } from "../support/error.ts";
import { interpret } from "../support/float64_interpreter.ts";
import { TRAINING_CASES, trainingGraph } from "../support/training_operator_cases.ts";

/**
 * Largest error, relative to the largest expected number. The largest errors are of float32 sums over 12,800 pixels.
 */
const TOLERANCE = 5e-6;

for (const op of Object.keys(TRAINING_OPERATORS)) {
  Deno.test(`${op} answers the float64 interpreter's numbers on the CPU`, async () => {
    const backend = await openCpu();
    const cases = TRAINING_CASES.filter((c) => c.op === op);
    assert(cases.length > 0, "no case");
    for (const c of cases) {
      const { graph, inputs } = trainingGraph(c);
      const executable = await backend.compile(graph);
      const { y } = await executable.run(inputs);
      executable.dispose();
      const expected = Float32Array.from(interpret(graph, inputs).y);
      if (op === "dropout_mask") assertEquals(y, expected); // to the bit
      const error = relativeError(y, expected);
      assert(error <= TOLERANCE, `${c.name}: relative error ${error.toExponential(1)}, allowed ${TOLERANCE}`);
    }
  });
}
