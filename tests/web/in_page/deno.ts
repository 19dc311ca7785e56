/** Replaces Deno in a page, as far as the kernel tests need it. Tests are collected; runTests() runs them. */

/** What a test may ask of its context. */
interface Context {
  step(name: string, work: () => Promise<void>): Promise<boolean>;
}

interface Test {
  readonly name: string;
  readonly work: (context: Context) => Promise<void> | void;
}

const tests: Test[] = [];

const inPage = {
  test: (name: string, work: Test["work"]) => tests.push({ name, work }),
  version: { deno: "in a page", v8: navigator.userAgent },
};

/**
 * Runs what was collected, but for tests of the CPU (which runs WebAssembly, the same everywhere); answers what failed and
 * how many passed.
 */
async function run(): Promise<{ passed: number; failures: string[] }> {
  const failures: string[] = [];
  const chosen = tests.filter(({ name }) => !/\bcpu\b/i.test(name));
  for (const { name, work } of chosen) {
    const context: Context = {
      async step(step, inner) {
        try {
          await inner();
          return true;
        } catch (error) {
          failures.push(`${name}: ${step}: ${(error as Error).message}`);
          return false;
        }
      },
    };
    try {
      await work(context);
    } catch (error) {
      failures.push(`${name}: ${(error as Error).stack}`);
    }
  }
  return { passed: chosen.length - failures.length, failures };
}

Object.assign(globalThis, { Deno: inPage, runTests: run });
